//! Schemas made at random, and changed at random.
//!
//! Every decision about a schema (has this table a third column, and of which type?) is a throw of dice that depends on a seed and on the
//! decision's name alone. The changed schema throws some of them again. So the two sides have much in common, each is valid by itself, and a
//! seed always gives the same two.

use std::fmt::Write as _;

use super::corpus::Case;

struct Dice {
    seed: u64,
    /// The seed of what is thrown again, and how many of a hundred decisions are.
    again: Option<(u64, u64)>,
}

/// A number that looks random, made of a seed and a name (FNV-1a, then the finish of splitmix64).
fn mix(seed: u64, name: &str) -> u64 {
    let start = seed ^ 0xcbf2_9ce4_8422_2325;
    let hash = name.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

impl Dice {
    /// 0 to `sides` - 1.
    fn throw(&self, name: &str, sides: u64) -> u64 {
        let again = self.again.filter(|(seed, percent)| mix(*seed, &format!("again {name}")) % 100 < *percent);
        mix(again.map_or(self.seed, |(seed, _)| seed), name) % sides
    }

    /// Whether the one chance of `sides` came.
    fn one_of(&self, name: &str, sides: u64) -> bool {
        self.throw(name, sides) == 0
    }

    fn pick<'a>(&self, name: &str, list: &[&'a str]) -> &'a str {
        usize::try_from(self.throw(name, list.len() as u64)).ok().and_then(|at| list.get(at)).copied().unwrap_or_default()
    }
}

/// The case of a seed.
pub fn case(seed: u64) -> Case {
    let percent = 4 + mix(seed, "percent") % 25;
    let a = schema(&Dice { seed, again: None });
    let b = schema(&Dice { seed, again: Some((!seed, percent)) });
    Case::with_rows(format!("random {seed}"), a, b)
}

/// A column that other things may be made of.
struct Column {
    name: String,
    kind: &'static str,
    generated: bool,
}

struct Table {
    name: String,
    columns: Vec<Column>,
    /// Its first column is a primary key that other tables may refer to.
    keyed: bool,
}

/// A type and a default for it; of the made-up types only those that are there.
fn kinds(dice: &Dice) -> Vec<(&'static str, &'static str)> {
    let mut kinds = vec![
        ("integer", "7"),
        ("bigint", "f_half(8)"),
        ("text", "'x'"),
        ("character varying(20)", "'y'"),
        ("numeric(8,2)", "1.5"),
        ("timestamp with time zone", "now()"),
        ("date", "'2020-02-02'"),
        ("boolean", "true"),
        ("jsonb", "'{}'"),
        ("integer[]", "'{1,2}'"),
    ];
    if dice.one_of("mood", 2) {
        kinds.push(("mood", "'calm'"));
    }
    if dice.one_of("short", 2) {
        kinds.push(("short", "'ab'"));
    }
    if dice.one_of("place", 2) {
        kinds.push(("place", "row('a', 1)::place"));
    }
    kinds
}

fn types(dice: &Dice, sql: &mut String) {
    let has = |name: &str| kinds(dice).iter().any(|(kind, _)| *kind == name);
    if has("mood") {
        let values =
            dice.pick("mood values", &["'calm', 'wild'", "'calm', 'sad', 'wild'", "'wild', 'calm'", "'calm'", "'low', 'calm'"]);
        let _ = writeln!(sql, "create type mood as enum ({values});");
    }
    if has("short") {
        let base = dice.pick("short base", &["text", "character varying(9)", "text"]);
        let check =
            dice.pick("short check", &["", " check (value <> '')", " constraint fits check (length(value) < 9)", " default 'zz'"]);
        let _ = writeln!(sql, "create domain short as {base}{check};");
    }
    if has("place") {
        let kind = dice.pick("place kind", &["integer", "bigint", "integer"]);
        let _ = writeln!(sql, "create type place as (street text, number {kind});");
    }
    let argument = dice.pick("half argument", &["a", "a", "n"]);
    let body = dice.pick("half body", &["select $1 / 2", "select $1 >> 1", "select coalesce($1, 0) / 2"]);
    let cost = dice.pick("half cost", &["", "", " cost 5", " parallel safe"]);
    let _ = writeln!(sql, "create function f_half({argument} integer) returns integer language sql immutable{cost} as '{body}';");
    let note = dice.pick("touch body", &["return new;", "begin return new; end;"]);
    let _ = writeln!(sql, "create function f_touch() returns trigger language plpgsql as $$ begin {note} end $$;");
    if dice.one_of("steps", 2) {
        let options = dice.pick("steps options", &["", " increment 5", " maxvalue 500", " as smallint cycle"]);
        let _ = writeln!(sql, "create sequence steps{options};");
    }
}

fn table(dice: &Dice, name: &str, others: &[Table], sql: &mut String) -> Table {
    let key = |what: &str| format!("{name} {what}");
    let kinds = kinds(dice);
    let first = dice.pick(&key("first"), &["integer", "integer", "bigint"]);
    let mut columns = vec![Column { name: "id".to_owned(), kind: first, generated: false }];
    let partitioned = dice.one_of(&key("partitioned"), 5);
    let identity = if partitioned {
        ""
    } else {
        dice.pick(&key("identity"), &["", "", " generated always as identity", " generated by default as identity"])
    };
    let mut lines = vec![format!("id {first} not null{identity}")];
    for number in 1..=6 {
        let column = format!("c{number}");
        let key = |what: &str| format!("{name} {column} {what}");
        if dice.one_of(&key("left out"), 3) {
            continue;
        }
        let at = usize::try_from(dice.throw(&key("kind"), 13)).unwrap_or_default();
        let (kind, usual) = kinds.get(at).or(kinds.first()).copied().unwrap_or_default();
        let mut line = format!("{column} {kind}");
        if dice.one_of(&key("generated"), 9) {
            line = format!(
                "{column} integer generated always as ({}) stored",
                dice.pick(&key("of"), &["id * 2", "f_half(id::integer)", "3"])
            );
            columns.push(Column { name: column, kind: "integer", generated: true });
            lines.push(line);
            continue;
        }
        if dice.one_of(&key("default"), 3) {
            let _ = write!(line, " default {usual}");
        }
        if dice.one_of(&key("not null"), 4) {
            line.push_str(" not null");
        }
        columns.push(Column { name: column, kind, generated: false });
        lines.push(line);
    }
    let keyed = dice.throw(&key("keyed"), 3) > 0;
    if keyed {
        lines.push(format!("constraint {name}_{} primary key (id)", dice.pick(&key("key's name"), &["pkey", "pkey", "id"])));
    }
    if dice.one_of(&key("check"), 3) {
        lines.push(format!(
            "constraint {name}_check check ({})",
            dice.pick(&key("check's"), &["id > 0", "id >= 0", "f_half(id::integer) > 0"])
        ));
    }
    let options = dice.pick(&key("options"), &["", "", "", " with (fillfactor = 70)"]);
    let unlogged = if dice.one_of(&key("unlogged"), 12) && !partitioned { "unlogged " } else { "" };
    let split = if partitioned { " partition by range (id)" } else { options };
    let _ = writeln!(sql, "create {unlogged}table {name} (\n  {}\n){split};", lines.join(",\n  "));
    if partitioned {
        for (part, bound) in [("1", "from (1) to (100)"), ("2", "from (100) to (200)"), ("3", "from (200) to (300)")] {
            match dice.throw(&key(&format!("part {part}")), 4) {
                0 => {}
                1 => drop(writeln!(sql, "create table {name}_{part} (like {name} including all);")),
                _ => drop(writeln!(sql, "create table {name}_{part} partition of {name} for values {bound};")),
            }
        }
        if dice.one_of(&key("rest"), 3) {
            let _ = writeln!(sql, "create table {name}_rest partition of {name} default;");
        }
    }
    if let Some(other) = others.iter().rfind(|other| other.keyed).filter(|_| dice.one_of(&key("refers"), 2)) {
        let action = dice.pick(&key("action"), &["", " on delete cascade", " deferrable initially deferred"]);
        let fits = other.columns.first().is_some_and(|column| column.kind == first);
        if fits && unlogged.is_empty() {
            let _ = writeln!(
                sql,
                "alter table {name} add constraint {name}_refers foreign key (id) references {}{action};",
                other.name
            );
        }
    }
    Table { name: name.to_owned(), columns, keyed: keyed && unlogged.is_empty() }
}

/// Rows that fit every check and every key there may be; what no partition takes, or refers to a row that is not there, is left out.
fn rows(table: &Table, sql: &mut String) {
    let value = |column: &Column, id: u32| match column.kind {
        "integer" | "bigint" => id.to_string(),
        "numeric(8,2)" => format!("{id}.25"),
        "timestamp with time zone" => format!("'2021-03-04 05:06:{:02}+00'", id % 60),
        "date" => format!("'2021-01-{:02}'", id % 28 + 1),
        "boolean" => id.is_multiple_of(2).to_string(),
        "jsonb" => format!("'{{\"n\": {id}}}'"),
        "integer[]" => format!("'{{{id},{}}}'", id + 1),
        "mood" => "'calm'".to_owned(),
        "short" => format!("'s{id}'"),
        "place" => format!("row('street {id}', {id})::place"),
        _ => format!("'some {id}'"),
    };
    let given: Vec<&Column> = table.columns.iter().filter(|column| !column.generated).collect();
    let names: Vec<&str> = given.iter().map(|column| column.name.as_str()).collect();
    for id in [2, 3, 150, 250] {
        let values: Vec<String> = given.iter().map(|column| value(column, id)).collect();
        let _ = writeln!(
            sql,
            "do $do$ begin insert into {} ({}) overriding system value values ({}); set constraints all immediate;
               exception when check_violation or foreign_key_violation then null; end $do$;",
            table.name,
            names.join(", "),
            values.join(", ")
        );
    }
}

/// What hangs on a table: indexes, triggers, policies, comments, grants, statistics.
fn around(dice: &Dice, table: &Table, sql: &mut String) {
    let name = &table.name;
    let key = |what: &str| format!("{name} {what}");
    for column in &table.columns {
        let key = |what: &str| format!("{name} {} {what}", column.name);
        if dice.one_of(&key("indexed"), 4) {
            let sorted = !matches!(column.kind, "jsonb" | "place" | "integer[]");
            let ways: &[&str] = match column.kind {
                "integer" => &["(@)", "(@ desc)", "(f_half(@))", "(@) include (id)", "(@) where @ > 3", "(id, @)"],
                "text" => &["(@)", "(lower(@))", "(@ text_pattern_ops)", "using hash (@)"],
                _ if sorted => &["(@)", "(@ desc nulls last)", "(id, @)"],
                "jsonb" => &["using gin (@)", "using gin (@ jsonb_path_ops)"],
                _ => &["(@)"],
            };
            let way = dice.pick(&key("way"), ways).replace('@', &column.name);
            let unique = if way.starts_with("(id,") && dice.one_of(&key("unique"), 2) { "unique " } else { "" };
            let _ = writeln!(sql, "create {unique}index {name}_{}_index on {name} {way};", column.name);
        }
        if dice.one_of(&key("comment"), 6) {
            let _ = writeln!(
                sql,
                "comment on column {name}.{} is '{}';",
                column.name,
                dice.pick(&key("says"), &["it''s", "that", "\\x"])
            );
        }
        if column.kind == "text" && dice.one_of(&key("storage"), 6) {
            let _ = writeln!(sql, "alter table {name} alter column {} set storage external;", column.name);
        }
        if dice.one_of(&key("granted"), 8) {
            let _ = writeln!(sql, "grant select ({}) on {name} to random_one;", column.name);
        }
    }
    if dice.one_of(&key("trigger"), 3) {
        let when = dice.pick(&key("when"), &["before insert", "before update", "after insert or delete"]);
        let guard = if when.contains("insert") { "" } else { dice.pick(&key("guard"), &["", " when (old.id <> new.id)"]) };
        let _ = writeln!(sql, "create trigger touches {when} on {name} for each row{guard} execute function f_touch();");
    }
    if dice.one_of(&key("secure"), 3) {
        let _ = writeln!(sql, "alter table {name} enable row level security;");
        let what = dice.pick(
            &key("policy"),
            &["for select using (id > 1)", "using (id > 2)", "to random_one using (f_half(id::integer) > 2)"],
        );
        let _ = writeln!(sql, "create policy looks on {name} {what};");
    }
    if dice.one_of(&key("grant"), 3) {
        let _ =
            writeln!(sql, "grant {} on {name} to random_two;", dice.pick(&key("granted"), &["select", "insert, update", "all"]));
        let _ = writeln!(sql, "grant select on {name} to random_one{};", dice.pick(&key("option"), &["", " with grant option"]));
    }
    if dice.one_of(&key("statistics"), 6)
        && let Some(column) = table.columns.get(1).filter(|column| !matches!(column.kind, "jsonb" | "place"))
    {
        let _ = writeln!(sql, "create statistics {name}_statistics (ndistinct) on id, {} from {name};", column.name);
    }
}

/// A view, plain or materialized, of a table or of the view before.
fn view(dice: &Dice, number: usize, tables: &[Table], before: Option<&str>, sql: &mut String) -> Option<String> {
    let name = format!("v{number}");
    let key = |what: &str| format!("{name} {what}");
    if dice.one_of(&key("left out"), 4) {
        return None;
    }
    let at = usize::try_from(dice.throw(&key("table"), tables.len().max(1) as u64)).unwrap_or_default();
    let table = tables.get(at)?;
    let chosen: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| column.name == "id" || dice.one_of(&format!("{name} {} shown", column.name), 2))
        .map(|column| column.name.as_str())
        .collect();
    let from = match before.filter(|_| dice.one_of(&key("stacked"), 3)) {
        Some(before) => format!("select w.id, f_half(1) as half from {before} w"),
        None => format!("select {} from {}{}", chosen.join(", "), table.name, dice.pick(&key("where"), &["", " where id > 5"])),
    };
    if dice.one_of(&key("materialized"), 3) {
        let _ = writeln!(sql, "create materialized view {name} as {from};");
        if dice.one_of(&key("indexed"), 2) {
            let _ = writeln!(sql, "create index {name}_index on {name} (id);");
        }
    } else {
        let _ = writeln!(sql, "create view {name}{} as {from};", dice.pick(&key("options"), &["", " with (security_barrier)"]));
        if dice.one_of(&key("granted"), 3) {
            let _ = writeln!(sql, "grant select on {name} to random_one;");
        }
    }
    if dice.one_of(&key("comment"), 4) {
        let kind = if sql.contains(&format!("create materialized view {name} ")) { "materialized view" } else { "view" };
        let _ = writeln!(sql, "comment on {kind} {name} is 'shows';");
    }
    Some(name)
}

fn schema(dice: &Dice) -> String {
    let mut sql = "-- roles: random_one random_two\n".to_owned();
    types(dice, &mut sql);
    let mut tables: Vec<Table> = Vec::new();
    for number in 1..=5 {
        if dice.throw(&format!("table {number}"), 5) > 0 {
            let made = table(dice, &format!("t{number}"), &tables, &mut sql);
            rows(&made, &mut sql);
            around(dice, &made, &mut sql);
            tables.push(made);
        }
    }
    let mut before: Option<String> = None;
    for number in 1..=4 {
        before = view(dice, number, &tables, before.as_deref(), &mut sql).or(before);
    }
    sql
}
