//! Reports as people read them.

mod fixture;
mod sarif;

use std::process::Command;

use schemaproof::{
    catalog::{Action, AttributeChange, Catalog, Change, Kind, ObjectId, Value},
    proof::SqlError,
    report::{
        Report, ReportedChange, ReportedError, ReportedFinding, annotations, build, comment, html, json,
        many::{self, Part},
        markdown,
        markdown::{Detail, Frame},
        table, text,
    },
    risk::{Level, Places},
};

#[test]
fn the_comment_of_a_risky_change() {
    insta::assert_snapshot!(comment::comment(&fixture::p8fs(), 0));
}

#[test]
fn the_comment_of_a_safe_change() {
    insta::assert_snapshot!(comment::comment(&fixture::safe(), 0));
}

#[test]
fn several_databases_share_one_comment() {
    let error = ReportedError {
        message: "cannot build the target: `a.sql:3` fails".into(),
        advice: None,
        sql: None,
        file: None,
        line: None,
        column: None,
        excerpt: None,
    };
    let (base, target) = fixture::sides();
    let failed = build::failed(error, base, target, 1.0, Some(fixture::run()));
    let part = |name: &str, report: Report| Part { name: name.into(), report };
    let parts = [part("safe", fixture::safe()), part("p8fs", fixture::p8fs()), part("broken", failed)];
    insta::assert_snapshot!(many::comment(&parts, 0));
}

#[test]
fn parts_are_told_with_their_whole_unless_something_was_found_about_them() {
    let change = |kind: &str, object: &str, action: Action, details: &[&str]| {
        let details = details.iter().map(|text| text.to_string()).collect();
        ReportedChange { kind: kind.into(), object: object.into(), action, details, ..fixture::p8fs().changes[0].clone() }
    };
    let mut report = fixture::safe();
    report.findings = fixture::p8fs().findings.into_iter().take(1).collect();
    (report.findings[0].kind, report.findings[0].object) = ("enum value".into(), "public.state.old".into());
    report.changes = vec![
        change("type", "public.state", Action::Alter, &[]),
        change("enum value", "public.state.a.b", Action::Create, &[]),
        change("enum value", "public.state.old", Action::Drop, &[]),
        change("column", "public.states.n", Action::Create, &[]),
        change("view", "public.v", Action::Alter, &["definition changed"]),
        change("column", "public.v.n", Action::Alter, &["type `a` → `b`"]),
    ];
    let rows = table::rows(&report);
    let rows: Vec<(&str, &str)> = rows.iter().map(|row| (row.objects[0].as_str(), row.change.as_str())).collect();
    assert_eq!(
        rows,
        [
            ("public.state.old", "enum value dropped"),
            ("public.state", "enum value `a.b` created"),
            ("public.states.n", "created"),
            ("public.v", "view, definition changed, column `n` type `a` → `b`"),
        ]
    );
}

#[test]
fn what_is_not_analysed_is_told_once_and_never_folded() {
    let mut report = fixture::safe();
    report.not_covered = vec!["privileges on parameter work_mem".into()];
    report.findings = vec![ReportedFinding {
        rule: "not-covered".into(),
        level: Level::Warning,
        blocks: false,
        advice: "Look at it by hand.".into(),
        ..fixture::p8fs().findings[0].clone()
    }];
    for detail in [Detail::Full, Detail::WithoutPlan, Detail::FindingLines] {
        let text = markdown::render(&report, detail, Frame::Alone);
        let (before, after) = text.split_once("#### ⚠️ Not analysed").unwrap();
        assert!(!before.contains("<details") && after.contains("`privileges on parameter work_mem`"), "{text}");
        assert!(
            after.contains("Look at it by hand") && !text.contains("not-covered") && !text.contains("warning</summary>"),
            "{text}"
        );
    }
    // Where the policy has it block, it is among what blocks, with the words that accept it.
    report.findings[0].blocks = true;
    assert!(markdown::render(&report, Detail::Full, Frame::Alone).contains("`not-covered`"));
}

#[test]
fn an_enums_new_value_is_told_once() {
    let path = |path: &[&str]| ObjectId::new(if path.len() == 2 { Kind::Type } else { Kind::EnumValue }, path.iter().copied());
    let values = |values: &[&str]| Some(Value::List(values.iter().map(|value| value.to_string()).collect()));
    let altered = Change {
        action: Action::Alter,
        object: path(&["public", "state"]),
        renamed_from: None,
        attributes: vec![AttributeChange { name: "values", before: values(&["a"]), after: values(&["a", "b"]) }],
    };
    let added = Change { action: Action::Create, object: path(&["public", "state", "b"]), attributes: vec![], ..altered.clone() };
    let details = |changes: &[Change]| {
        let catalog = Catalog::default();
        let changes = build::changes(&catalog, &catalog, changes, &Places::default());
        changes.into_iter().map(|change| change.details.join(", ")).collect::<Vec<_>>()
    };
    assert_eq!(details(&[altered.clone(), added]), ["", ""]);
    // Values that only change their places are told with the type.
    assert_eq!(details(&[altered]), ["values `a` → `a, b`"]);
}

#[test]
fn the_job_summary_and_the_check_have_the_same_text() {
    let report = fixture::p8fs();
    assert_eq!(comment::summary(&report), comment::comment(&report, 0));
    let (title, text) = comment::check(&report);
    assert_eq!(title, "6 blocking, 1 accepted, 1 warning · 12 steps · proven ✓");
    assert_eq!(text, comment::comment(&report, 0));
}

#[test]
fn the_terminal() {
    insta::assert_snapshot!(text::render(&fixture::p8fs(), text::Style::default()));
    let coloured = text::render(&fixture::p8fs(), text::Style { colour: true, ..text::Style::default() });
    assert!(coloured.contains("\u{1b}[31m"));
}

#[test]
fn an_error() {
    let (base, target) = fixture::sides();
    let error = ReportedError {
        message: "cannot build the target: the statement at `a.sql:3:14` fails: type `vectr` does not exist".into(),
        advice: Some("Mend the statement, or set `image:` to one that has the extension.".into()),
        sql: Some(SqlError {
            sqlstate: Some("42704".into()),
            message: "type \"vectr\" does not exist".into(),
            detail: None,
            hint: Some("perhaps vector".into()),
            table: None,
            part: None,
        }),
        file: Some("a.sql".into()),
        line: Some(3),
        column: Some(14),
        excerpt: Some("  embedding vectr(3),".into()),
    };
    let report = build::failed(error, base, target, 1.0, Some(fixture::run()));
    insta::assert_snapshot!("an_error_as_comment", comment::comment(&report, 0));
    insta::assert_snapshot!("an_error_as_text", text::render(&report, text::Style::default()));
    insta::assert_snapshot!("an_error_as_commands", annotations::commands(&report));
}

#[test]
fn nothing_to_do() {
    let (base, target) = fixture::sides();
    let report = build::nothing("No file of `extensions/sql` changes.", base, target, 0.2, Some(fixture::run()));
    insta::assert_snapshot!(comment::comment(&report, 0));
}

#[test]
fn annotations_are_on_the_lines_of_findings() {
    insta::assert_snapshot!(annotations::commands(&fixture::p8fs()));
}

#[test]
fn the_json_fits_its_schema_and_is_read_back() {
    let report = fixture::p8fs();
    let text = json::render(&report);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let schema = json::schema();
    jsonschema::validator_for(&schema).unwrap().validate(&value).unwrap();
    assert_eq!(json::read(&text).unwrap(), report);
    let mut other = value.clone();
    other["findings"][0]["level"] = "catastrophe".into();
    assert!(!jsonschema::validator_for(&schema).unwrap().is_valid(&other));
    assert!(json::read(&text.replace("\"schemaproof\": 1", "\"schemaproof\": 2")).is_err());
}

/// A report with many changes, findings and steps.
fn large(findings: usize, steps: usize) -> Report {
    let mut report = fixture::p8fs();
    for at in 0..findings {
        let mut finding = report.findings[0].clone();
        finding.object = format!("public.table_{at:05}.a_column_with_a_long_name");
        finding.message = format!("The type of `{}` changes in way {at}.", finding.object);
        report.findings.push(finding);
    }
    for at in 0..steps {
        let mut step = report.steps[0].clone();
        step.sql = format!("ALTER TABLE public.table_{at:05} ALTER COLUMN a_column_with_a_long_name TYPE vector(384)");
        report.steps.push(step);
    }
    report
}

#[test]
fn a_long_comment_shrinks_by_sections_and_keeps_its_findings() {
    let plan_goes = comment::comment(&large(0, 2_000), 0);
    assert!(plan_goes.len() <= comment::COMMENT_LIMIT && !plan_goes.contains("table_01999"));
    assert!(plan_goes.contains("2012 steps in 2 transactions") && plan_goes.contains("#### ⛔ The type of a column"));
    for findings in [40, 400, 900] {
        let short = comment::comment(&large(findings, 100), 2_000);
        assert!(short.len() <= comment::COMMENT_LIMIT - 2_000, "{findings}: {}", short.len());
        for at in 0..findings {
            assert!(
                short.contains(&format!("public.table_{at:05}.a_column_with_a_long_name")),
                "finding {at} of {findings} is lost"
            );
        }
        assert!(short.contains("/schemaproof accept b7f3"), "{findings}");
    }
    let totals = comment::comment(&large(20_000, 0), 0);
    assert!(totals.len() <= comment::COMMENT_LIMIT);
    assert!(totals.contains("20006") && totals.contains("public.table_00001.") && totals.contains("/schemaproof accept b7f3"));
}

#[test]
fn the_html_page_has_one_script_and_no_address_of_elsewhere() {
    let page = html::render(&fixture::p8fs());
    assert_eq!(page.matches("<script").count(), 1);
    assert!(page.contains("Content-Security-Policy") && page.contains("<svg"));
    for loading in ["src=", "@import", "url(", "<link", "<img", "<iframe"] {
        assert!(!page.contains(loading), "{loading}");
    }
}

/// A command of these names that is there, and answers to `arguments`.
fn program(names: &[String], arguments: &[&str]) -> Option<String> {
    let answers = |name: &&String| Command::new(name).args(arguments).output().is_ok_and(|output| output.status.success());
    names.iter().find(answers).cloned()
}

#[test]
fn the_html_page_is_read_in_a_browser_narrow_and_wide_light_and_dark_and_searched() {
    let browsers = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].map(String::from);
    let Some(browser) = program(&browsers, &["--version"]) else {
        return eprintln!("skipped: there is no Chromium");
    };
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").unwrap_or_default()));
    let nodes = ["node".to_string(), format!("{cache}/schemaproof/github-fake/node/node")];
    let node = program(&nodes, &["-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)"]).expect("Node 22 or newer");
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("report.html");
    std::fs::write(&page, html::render(&fixture::p8fs())).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fake/browser.mjs");
    let output = Command::new(node).arg(script).arg(browser).arg(&page).arg("fuzzy_scan").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let saw: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for seen in saw["seen"].as_array().unwrap() {
        assert!(seen["overflow"].as_i64().unwrap() <= 0, "the page is wider than the screen: {seen}");
        assert!(seen["contrast"].as_f64().unwrap() >= 4.5, "some text is hard to read: {seen}");
        assert!(seen["searchIsShown"] == true && seen["unnamed"] == 0, "{seen}");
    }
    let backgrounds = [0, 1].map(|at| saw["seen"][at]["background"].as_str().unwrap());
    assert_ne!(backgrounds[0], backgrounds[1], "dark is as light");
    let found = saw["found"].as_array().unwrap();
    assert!(!found.is_empty() && found.len() < saw["all"].as_u64().unwrap() as usize, "{saw}");
    assert!(found.iter().all(|part| part.as_str().unwrap().contains("fuzzy_scan")), "{found:#?}");
    assert!(saw["told"].as_str().unwrap().starts_with(&format!("{} of ", found.len())), "{}", saw["told"]);
    assert_eq!((&saw["elsewhere"], &saw["errors"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[test]
fn each_picture_has_the_types_of_its_side() {
    let page = html::render(&fixture::p8fs());
    let (before, after) = page.split_once("<figcaption>Before").and_then(|(_, rest)| rest.split_once("<figcaption>After")).unwrap();
    assert!(before.contains(">vector(1536)<") && !before.contains(">vector(384)<"), "{before}");
    assert!(after.split("</figure>").next().unwrap().contains(">vector(384)<"));
}

/// What a stranger would write to break out.
const HOSTILE: [&str; 16] = [
    "</details><img src=x onerror=alert(1)>",
    "<!-- schemaproof -->",
    "@octocat and @acme/team",
    "[click](https://evil.example) ![x](https://evil.example/x.png)",
    "https://evil.example www.evil.example fixes #12 GH-12 acme/p8fs#3",
    "```\n</pre><script>alert(1)</script>\n```",
    "a|b|c\n| - | - |",
    "`` ` ``` ```` x",
    "::error file=x::owned\n::stop-commands::x",
    "##[group]owned",
    "\u{202e}gnp.exe\u{2066}\u{200b}\0\u{1b}[31m",
    "$$\\alpha$$ :smile: ~~x~~ **b** _i_",
    "# heading\n- list\n1. one\n> quote\n---",
    "&lt;b&gt; &#64;octocat",
    "{{headline}} {{{reason}}} {{#each rows}}",
    "\"; --\n*/ \\echo owned",
];

/// A report in which every text is hostile.
fn hostile(texts: &[String]) -> Report {
    let mut value = serde_json::to_value(fixture::p8fs()).unwrap();
    let mut next = 0;
    poison(&mut value, texts, &mut next, "");
    serde_json::from_value(value).unwrap()
}

/// Replaces every text but those whose values are words of ours, and the run's own coordinates.
fn poison(value: &mut serde_json::Value, texts: &[String], next: &mut usize, key: &str) {
    use serde_json::Value;
    match value {
        Value::String(text) if !matches!(key, "verdict" | "level" | "action" | "origin" | "name_of_engine" | "failed_rows") => {
            *text = texts[*next % texts.len()].clone();
            *next += 1;
        }
        Value::Array(list) => list.iter_mut().for_each(|value| poison(value, texts, next, key)),
        Value::Object(map) => {
            let keys: Vec<String> = map.keys().cloned().collect();
            for key in keys {
                // The engine's name is one of two words.
                if key == "engine" {
                    poison(&mut map[&key]["version"], texts, next, "version");
                } else if let Some(value) = map.get_mut(&key) {
                    poison(value, texts, next, &key);
                }
            }
        }
        _ => {}
    }
}

/// Text events outside of code, and whatever is markup that no template has.
fn assert_inert(markdown: &str) {
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
    let allowed = ["<b>", "</b>", "<details>", "<details open>", "</details>", "<sub>", "</sub>", "<summary>", "</summary>"];
    let (mut in_code, mut prose) = (false, String::new());
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_GFM) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                let mut rest = html.to_string();
                for tag in allowed {
                    rest = rest.replace(tag, "");
                }
                // A sign with a gap after it mentions nobody.
                rest = rest.replace("@\u{200b}", "");
                assert!(!rest.contains(['<', '>', '@']), "HTML: {html:?}");
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(dest_url.starts_with("https://github.com/acme/p8fs/"), "link to {dest_url}");
            }
            Event::Start(Tag::Image { dest_url, .. }) => panic!("picture of {dest_url}"),
            Event::Start(Tag::Strikethrough | Tag::BlockQuote(_) | Tag::FootnoteDefinition(_)) => panic!("markup: {event:?}"),
            Event::Start(Tag::CodeBlock(_)) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Text(text) if !in_code => prose.push_str(&text),
            Event::End(_) | Event::SoftBreak | Event::HardBreak => prose.push('\n'),
            // A code span stands between: what is before it and after it is not one word.
            Event::Code(_) => prose.push('\u{fffc}'),
            _ => {}
        }
    }
    let chars: Vec<char> = prose.chars().collect();
    for pair in chars.windows(2) {
        assert!(!(pair[0] == '@' && pair[1].is_alphanumeric()), "a mention: {prose}");
        assert!(!(pair[0] == '#' && pair[1].is_ascii_digit()), "a reference: {prose}");
    }
    for word in ["://", "www.", "GH-1"] {
        assert!(!prose.contains(word), "{word}: {prose}");
    }
    assert!(!markdown.chars().any(|c| (c.is_control() && c != '\n' && c != '\t')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)));
}

fn assert_all_inert(texts: &[String]) {
    let mut report = hostile(texts);
    for details in Detail::ALL {
        assert_inert(&markdown::render(&report, details, Frame::Alone));
    }
    let parts = texts.iter().take(3).map(|text| Part { name: text.clone(), report: report.clone() });
    assert_inert(&many::comment(&parts.collect::<Vec<_>>(), 0));
    let page = html::render(&report);
    assert_eq!((page.matches("<script").count(), page.matches("<img").count()), (1, 0), "{page}");
    for text in [text::render(&report, text::Style::default()), annotations::commands(&report)] {
        for line in text.lines() {
            let line = line.trim_start();
            assert!(
                !line.starts_with("::")
                    || ["::error file=", "::warning file=", "::notice file="].iter().any(|own| line.starts_with(own)),
                "{line}"
            );
            assert!(!line.contains("##["), "{line}");
        }
        assert!(!text.contains(['\u{1b}', '\0', '\u{202e}']), "{text:?}");
    }
    // As an artifact of a fork would have it.
    report.run = None;
    assert_inert(&markdown::render(&report, Detail::Full, Frame::Alone));
}

#[test]
fn hostile_text_stays_text() {
    for shift in 0..HOSTILE.len() {
        let texts: Vec<String> = HOSTILE.iter().cycle().skip(shift).take(HOSTILE.len()).map(ToString::to_string).collect();
        assert_all_inert(&texts);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 24, ..Default::default() })]
    #[test]
    fn random_hostile_text_stays_text(texts in proptest::collection::vec("([`|<>@#:&*_~\\[\\]()!\\\\\n/. -]|[a-z0-9]|www\\.|https://|GH-|::|\u{202e}|\u{0}){0,24}", 7)) {
        assert_all_inert(&texts);
    }
}
