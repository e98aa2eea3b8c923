//! `docs/security.md` names a test for each line; a name without a test would be an empty promise.

use std::{collections::BTreeSet, path::Path};

#[test]
fn every_test_that_the_threat_model_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/security.md")).unwrap();
    let named: BTreeSet<(&str, &str)> = page.split('`').skip(1).step_by(2).filter_map(|code| code.rsplit_once("::")).collect();
    assert!(named.len() > 25, "the page names {} tests", named.len());
    for (file, test) in named {
        let path = if file.starts_with("src/") {
            root.join(file)
        } else {
            root.join(format!("tests/suite/{}.rs", file.replace("::", "/")))
        };
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.contains(&format!("fn {test}()")), "{file} has no test {test}");
    }
}
