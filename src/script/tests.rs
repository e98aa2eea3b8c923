//! Splitting, case by case.

use super::{Bounds, Item, Names, ScriptError, SqlFile, split, split_within};

fn file(path: &str, text: &str) -> SqlFile {
    SqlFile { path: path.into(), text: text.into() }
}

/// A line an item: place and text.
fn shown(files: &[SqlFile]) -> Vec<String> {
    let items = split(files, &Names::default()).unwrap();
    items
        .iter()
        .map(|item| match item {
            Item::File { path } => format!("= {path}"),
            Item::Statement(statement) => format!("{} {}", statement.place, statement.text),
            Item::CopyIn { statement, data } => format!("{} {} <- {:?}", statement.place, statement.text, data.as_str()),
            Item::CopyOut(statement) => format!("{} {} ->", statement.place, statement.text),
            Item::Reconnect { place } => format!("{place} connect"),
            Item::Remark { place, text } => format!("{place} {text}"),
            Item::Refused(error) => format!("! {error}"),
        })
        .collect()
}

fn one(text: &str) -> Vec<String> {
    shown(&[file("a", text)]).split_off(1)
}

#[test]
fn places_count_lines_and_characters() {
    assert_eq!(one("-- x\nselect 'ä;'; select\r\n 2 -- y\n;;\n"), ["a:2:1 select 'ä;'", "a:2:14 select\r\n 2"]);
    assert_eq!(one("\u{feff}select 1"), ["a:1:1 select 1"]);
}

#[test]
fn semicolons_in_parentheses_and_atomic_bodies_end_nothing() {
    let rule = "create rule r as on insert to t do (select 1; select 2)";
    assert_eq!(one(&format!("{rule};")), [format!("a:1:1 {rule}")]);
    let function = "create or replace function f() returns int begin atomic select case when true then 1 end; end";
    assert_eq!(
        one(&format!("{function}; select 2")),
        [format!("a:1:1 {function}"), format!("a:1:{} select 2", function.len() + 3)]
    );
    assert_eq!(one("begin; select 1; end;").len(), 3);
}

#[test]
fn copy_data_goes_up_to_its_end() {
    let text = "copy t (a) from stdin; -- why\n1;\n\\.\nselect 1; copy \"x\" to stdout;\ncopy t from stdin\n;\nopen";
    assert_eq!(
        one(text),
        [
            "a:1:1 copy t (a) from stdin <- \"1;\\n\"",
            "a:4:1 select 1",
            "a:4:11 copy \"x\" to stdout ->",
            "a:5:1 copy t from stdin <- \"open\"",
        ]
    );
    let two = "copy a from stdin; copy b from stdin;\n1\n\\.\n2\n\\.\nselect 3";
    assert_eq!(one(two), ["a:1:1 copy a from stdin <- \"1\\n\"", "a:1:20 copy b from stdin <- \"2\\n\"", "a:6:1 select 3"]);
    assert_eq!(one("select $$copy t from stdin;$$;\nselect 2").len(), 2);
    assert_eq!(one("copy (select 'from stdin') to '/x';\nselect 2").len(), 2);
}

#[test]
fn variables_are_put_in_as_psql_does() {
    let text =
        "\\set t my_table\n\\set v 'it''s' 2\nselect :'v', ':t', :\"t\", :t::text, :nosuch, :{?t} from :t;\n\\unset t\nselect :t;";
    assert_eq!(
        one(text),
        ["a:3:1 select 'it''s2', ':t', \"my_table\", my_table::text, :nosuch, TRUE from my_table", "a:5:1 select :t"]
    );
    assert_eq!(one("\\set q 'select 1; select'\n:q 2;"), ["a:2:1 select 1", "a:2:1 select 2"]);
    assert_eq!(one("select :DBNAME"), ["a:1:1 select app"]);
}

#[test]
fn conditions_choose() {
    let text = "\\if :{?x}\nselect 1;\n\\nosuch\n\\elif off\nselect 2;\n\\else\nselect 3;\n\\if true\nselect 4;\n\\endif\n\\endif\nselect 5;";
    assert_eq!(one(text), ["a:7:1 select 3", "a:9:1 select 4", "a:12:1 select 5"]);
    assert_eq!(one("\\if true\nselect 1;"), ["a:2:1 select 1", "! a:2:10: `\\if` has no `\\endif` in its file"].map(String::from));
}

#[test]
fn inclusions_stay_among_the_files() {
    let files = [
        file(
            "sql/main.sql",
            "\\i sql/parts/a.sql\n\\ir parts/a.sql\n\\i parts/a.sql\n\\i ../../etc/passwd\n\\i /etc/passwd\n\\ir main.sql\n",
        ),
        file("sql/parts/a.sql", "select 'a'; \\ir ../b.sql"),
        file("sql/b.sql", "select 'b'"),
    ];
    let items = shown(&files);
    assert_eq!(items[1..7].iter().filter(|item| item.ends_with("select 'b'")).count(), 3);
    assert!(items[7].contains("`\\i ../../etc/passwd` names a file that is not among"), "{items:?}");
    assert!(items[8].contains("`\\i /etc/passwd` names a file"), "{items:?}");
    assert!(items[9].contains("a circle"), "{items:?}");
}

#[test]
fn what_is_not_supported_is_refused_with_its_place() {
    assert_eq!(one("select 1 \\gset\nselect 2;").len(), 2);
    assert!(one("\\! rm -rf /")[0].contains("a:1:1: the meta-command `\\!` is not supported"));
    assert!(one("\\set x `id`")[0].contains("shell"));
    assert!(one("\\restrict a\n\\echo x\n\\unrestrict b\n\\unrestrict a\n\\echo y")[..].len() == 2);
    assert!(one("\\connect other")[0].contains("leaves the database"));
    assert!(one("\\connect app otto")[0].contains("cannot connect as `otto`"));
    assert_eq!(one("\\c - -\n\\connect -reuse-previous=on \"dbname='app'\""), ["a:1:1 connect", "a:2:1 connect"]);
}

#[test]
fn a_script_without_bounds_is_refused() {
    let within = |text: &str, bounds: Bounds| split_within(&[file("a", text)], &Names::default(), &bounds);
    let few = Bounds { statements: 10, ..Bounds::default() };
    assert!(matches!(within(&"select 1;".repeat(20), few), Err(ScriptError::TooMuch { limit: 10, .. })));
    // Each line doubles what the one before has.
    let bomb: String = (0..60).map(|_| "\\set x :x:x:x:x\n").collect();
    let small = Bounds { bytes: 1 << 20, ..Bounds::default() };
    assert!(matches!(within(&format!("\\set x lol\n{bomb}select :x"), small), Err(ScriptError::TooMuch { .. })));
    assert!(matches!(within("select 1;\0", Bounds::default()), Err(ScriptError::NulByte { .. })));
}
