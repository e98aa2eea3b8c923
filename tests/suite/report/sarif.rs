//! SARIF against its own schema, and against what GitHub code scanning asks for.

use std::{collections::BTreeSet, path::Path};

use schemaproof::report::{Report, ReportedError, build, sarif};
use serde_json::Value;

use super::{fixture, hostile, large};

#[test]
fn sarif_names_rules_and_places() {
    let value: Value = serde_json::from_str(&sarif::render(&fixture::p8fs())).unwrap();
    let run = &value["runs"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 8);
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "change-column-type");
    let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
    assert_eq!(rule["id"], "change-column-type");
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "extensions/sql/01_entity_schema.sql");
    assert_eq!(run["results"][7]["suppressions"][0]["status"], "accepted");
}

/// SARIF's own schema, as the crate that generates its types from it has it.
fn sarif_schema() -> jsonschema::Validator {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--offline", "--locked"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    let metadata: Value = serde_json::from_slice(&cargo.output().expect("cargo metadata").stdout).expect("cargo's metadata");
    let packages = metadata["packages"].as_array().expect("packages");
    let found = packages.iter().find(|package| package["name"] == "serde-sarif").expect("serde-sarif");
    let manifest = Path::new(found["manifest_path"].as_str().expect("manifest_path"));
    let text = std::fs::read_to_string(manifest.with_file_name("src/schema.json")).expect("schema.json");
    let mut schema: Value = serde_json::from_str(&text).expect("JSON");
    // The pattern of these properties, which we do not write, is no regular expression in the published schema.
    for kind in ["run", "toolComponent"] {
        schema["definitions"][kind]["properties"]["language"] = Value::Bool(false);
    }
    jsonschema::validator_for(&schema).expect("a schema")
}

#[test]
fn sarif_fits_its_schema_and_what_code_scanning_asks_for() {
    let schema = sarif_schema();
    let (base, target) = fixture::sides();
    let error = || ReportedError { message: "no\0".into(), ..serde_json::from_str(r#"{"message": ""}"#).unwrap() };
    let failed = build::failed(error(), base, target, 1.0, None);
    let mut homeless = Report { error: Some(error()), ..large(6_000, 3) };
    homeless.findings.iter_mut().for_each(|finding| finding.file = None);
    let nasty = "%\n\u{202e}\"<../../etc/passwd>\0 ä#?".to_string();
    for report in [fixture::p8fs(), fixture::safe(), failed, large(6_000, 3), homeless, hostile(&[nasty])] {
        let value: Value = serde_json::from_str(&sarif::render(&report)).unwrap();
        let faults: Vec<String> =
            schema.iter_errors(&value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
        assert_eq!(faults, [""; 0]);
        let run = &value["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let results = run["results"].as_array().unwrap();
        assert!(results.len() <= 5_000 && rules.len() <= 25_000);
        for rule in rules {
            for text in ["shortDescription", "fullDescription", "help"] {
                assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule:#}");
            }
            assert!(rule["shortDescription"]["text"].as_str().unwrap().len() <= 1_024);
            assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 10);
        }
        let mut prints = BTreeSet::new();
        for result in results {
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.is_empty() && !uri.starts_with('/') && !uri.contains(':'), "{uri}");
            assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
            let print = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
            assert!(prints.insert(print.to_string()), "{print} twice");
            if let Some(at) = result["ruleIndex"].as_u64() {
                assert_eq!(rules[at as usize]["id"], result["ruleId"]);
            }
        }
    }
}
