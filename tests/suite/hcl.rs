//! Atlas HCL as a schema source, and as what `inspect` writes: against real servers, there and back.

use std::{collections::BTreeSet, path::Path};

use schemaproof::{
    catalog::{self, Action, Catalog, Kind, ObjectId, read},
    config::Session,
    inspect,
    load::{self, LoadError, Loaded, Options, Strictness},
    sandbox::{SandboxError, Server, Sides, Where, with_servers},
    script::{self, Item, SqlFile},
    source::SqlFiles,
};
use tokio_util::sync::CancellationToken;

use crate::sandbox::request;

const SEED: &str = include_str!("../hcl/seed.hcl");
const EVERYTHING: &str = include_str!("../hcl/everything.hcl");

fn files(texts: &[(&str, &str)]) -> SqlFiles {
    let file = |(path, text): &(&str, &str)| SqlFile { path: (*path).into(), text: (*text).into() };
    SqlFiles { files: texts.iter().map(file).collect(), included: Vec::new() }
}

/// Loads into a new database and reads it.
async fn read_back(server: &Server, source: &SqlFiles, strictness: Strictness) -> Result<(Loaded, Catalog), LoadError> {
    server.drop_database("app").await?;
    server.create_database("app", None).await?;
    let loaded = load::load_source(server, source, Options { session: Session::Single, strictness }).await?;
    let connection = server.connect(&loaded.database).await?;
    let catalog = read::read(&connection, &read::ReadOptions::default()).await.expect("a catalog");
    connection.close().await;
    Ok((loaded, catalog))
}

async fn on_a_server<T>(work: impl AsyncFnOnce(&Server) -> T) -> T {
    let request = request(Where::Docker);
    let cancel = CancellationToken::new();
    with_servers(&request, Sides::One, &cancel, async |servers| Ok::<_, SandboxError>(work(&servers.base).await)).await.unwrap()
}

/// What comes out different when a catalog is written and loaded again.
async fn there_and_back(server: &Server, name: &str, catalog: &Catalog) -> Vec<catalog::Change> {
    let written = inspect::hcl::render(catalog, name, None);
    let text = written.text.clone();
    match read_back(server, &written.files(), Strictness::Strict).await {
        Ok((_, again)) => catalog::compare(&again, catalog),
        Err(error) => panic!("{name}: {error}\n{text}"),
    }
}

#[tokio::test]
async fn the_example_works_as_it_stands() {
    on_a_server(async |server| {
        let (loaded, catalog) = read_back(server, &files(&[("schema.hcl", SEED)]), Strictness::Strict).await.unwrap();
        assert!(catalog.objects.contains_key(&ObjectId::new(Kind::Extension, ["vector"])));
        let index = &catalog.objects[&ObjectId::new(Kind::Index, ["public", "idx_embedding"])];
        assert!(index.text("definition").unwrap().contains("USING hnsw (embedding public.vector_cosine_ops)"), "{index:?}");
        assert!(catalog.objects.contains_key(&ObjectId::new(Kind::Constraint, ["public", "engrams", "fk_tenant"])));
        let said = loaded.remarks.join("\n");
        assert!(said.contains("schema.hcl:39:3: the index `idx_embedding` has no `type`"), "{said}");
        assert!(said.contains("schema.hcl:33:16: the type `vector` is of the extension `vector`"), "{said}");
        // Where a column stands is said of the HCL.
        let table = catalog.objects[&ObjectId::new(Kind::Table, ["public", "engrams"])].address.unwrap();
        assert_eq!(loaded.place(table, Some("embedding")).unwrap().to_string(), "schema.hcl:32:3");
        assert_eq!(there_and_back(server, "the example", &catalog).await, []);
    })
    .await;
}

#[tokio::test]
async fn all_that_hcl_has_words_for_is_made_and_comes_back() {
    on_a_server(async |server| {
        let (loaded, catalog) = read_back(server, &files(&[("all.hcl", EVERYTHING)]), Strictness::Strict).await.unwrap();
        assert_eq!(loaded.remarks, Vec::<String>::new());
        let kinds: BTreeSet<Kind> = catalog.objects.keys().map(|id| id.kind).collect();
        for kind in [Kind::Policy, Kind::Trigger, Kind::View, Kind::MaterializedView, Kind::Function, Kind::Procedure, Kind::Domain]
        {
            assert!(kinds.contains(&kind), "{kind}");
        }
        let check = &catalog.objects[&ObjectId::new(Kind::Trigger, ["app", "orders", "touched"])];
        assert!(check.text("definition").unwrap().contains("EXECUTE FUNCTION app.touch('it''s', 'two')"), "{check:?}");
        assert_eq!(there_and_back(server, "everything", &catalog).await, []);
    })
    .await;
}

#[tokio::test]
async fn extensions_and_access_methods_that_are_not_said_are_found() {
    let text = r#"
table "t" {
  column "a" { type = hstore }
  column "b" { type = sql("public.ltree[]") }
  column "c" { type = citext }
  column "d" { type = text }
  column "e" { type = cube }
  column "f" { type = halfvec(3) }
  column "g" { type = jsonb }
  column "h" { type = point }
  index "i1" {
    on {
      column = column.a
      ops    = gin_hstore_ops
    }
  }
  index "i2" {
    on {
      column = column.d
      ops    = "gin_trgm_ops"
    }
  }
  index "i3" {
    on {
      column = column.d
      ops    = gist_trgm_ops
    }
  }
  index "i4" {
    on {
      column = column.f
      ops    = halfvec_l2_ops
    }
  }
  index "i5" {
    on {
      column = column.g
      ops    = jsonb_path_ops
    }
  }
  index "i6" {
    on {
      column = column.h
      ops    = kd_point_ops
    }
  }
  index "i7" {
    on {
      column = column.d
      ops    = text_minmax_ops
    }
  }
  index "i8" {
    on {
      column = column.b
      ops    = gist__ltree_ops
    }
  }
  index "i9" {
    on {
      column = column.d
      ops    = text_pattern_ops
    }
  }
}
"#;
    on_a_server(async |server| {
        let (loaded, catalog) = read_back(server, &files(&[("t.hcl", text)]), Strictness::Strict).await.unwrap();
        let methods: Vec<String> = (1..=9)
            .map(|number| {
                let index = &catalog.objects[&ObjectId::new(Kind::Index, ["public".to_string(), format!("i{number}")])];
                let definition = index.text("definition").unwrap();
                definition.split(" USING ").nth(1).unwrap().split(' ').next().unwrap().to_string()
            })
            .collect();
        assert_eq!(methods, ["gin", "gin", "gist", "hnsw", "gin", "spgist", "brin", "gist", "btree"]);
        assert_eq!(loaded.remarks.len(), 6 + 8, "{:#?}", loaded.remarks);
    })
    .await;
}

/// What of the cases below is not in the HCL, beside owners, grants and the kinds that it has no blocks for.
const LEFT: [&str; 19] = [
    "comment: Create comment constraint public.d.positive ",
    "comment: Create comment index public.t_pkey ",
    "bodies-read-back: Create trigger public.y.t2 ",
    "constraints: Create constraint public.t.f ",
    "constraints: Create constraint public.t.late ",
    "constraints: Alter constraint public.t.pk index options none -> (fillfactor=60)",
    "event-trigger: Alter event trigger kept_n2 enabled none -> DISABLE",
    "event-trigger: Alter event trigger made_n2 enabled none -> ENABLE ALWAYS",
    "event-trigger: Alter event trigger off_n2 enabled none -> DISABLE",
    "identity-serial: Drop sequence public.c_id_seq ",
    "identity-serial: Create sequence public.c_numbers ",
    "identity-serial: Create comment sequence public.a_id_seq ",
    "indexes: Alter index public.i5 statistics none -> (2=200)",
    "materialized-views: Alter column public.m1.b statistics none -> 50",
    "materialized-views: Alter materialized view public.m1 cluster on none -> m1_a",
    "partition-children: Alter default public.m_2025_1.v expression 'x'::text -> 'y'::text",
    "trigger: Create trigger public.child.below ",
    "trigger: Alter trigger public.t.disabled enabled none -> DISABLE",
    "trigger: Alter trigger public.t.made enabled none -> ENABLE REPLICA",
];

#[tokio::test]
async fn cases_come_back_but_for_what_hcl_has_no_words_for() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    const NO_WORDS: &[Kind] = &[Kind::Grant, Kind::DefaultPrivilege, Kind::Setting, Kind::Rule, Kind::Statistics, Kind::Role];
    on_a_server(async |server| {
        let mut left = Vec::new();
        for case in [
            "column-generated",
            "comment",
            "composite",
            "bodies-read-back",
            "conditions-read-back",
            "constraints",
            "domain",
            "enum-add",
            "event-trigger",
            "foreign-key-types",
            "foreign-keys-mutual",
            "function",
            "function-dependents",
            "identity-serial",
            "indexes",
            "materialized-views",
            "names-that-need-quotes",
            "partition-children",
            "partition-bounds",
            "policy",
            "procedure",
            "sequences",
            "trigger",
            "unnamed-columns",
            "views",
        ] {
            let text = std::fs::read_to_string(cases.join(case).join("b.sql")).unwrap();
            let (_, catalog) = read_back(server, &files(&[("case.sql", &text)]), Strictness::Lenient).await.unwrap();
            for change in there_and_back(server, case, &catalog).await {
                let owner = change.action == Action::Alter && change.attributes.iter().all(|attribute| attribute.name == "owner");
                if !owner && !NO_WORDS.contains(&change.object.kind) {
                    let of: Vec<String> = change.attributes.iter().map(ToString::to_string).collect();
                    left.push(format!("{case}: {:?} {} {} {}", change.action, change.object.kind, change.object, of.join("; ")));
                }
            }
        }
        assert_eq!(left, LEFT);
    })
    .await;
}

/// The first thing that is refused.
fn refused(text: &str) -> String {
    let items = script::split(&files(&[("s.hcl", text)]).files, &script::Names::default()).unwrap();
    let refused = items.into_iter().find_map(|item| match item {
        Item::Refused(error) => Some(error.to_string()),
        _ => None,
    });
    refused.unwrap_or_else(|| panic!("nothing is wrong with {text}"))
}

#[test]
fn errors_have_their_place_and_a_suggestion() {
    for (text, expected) in [
        (
            "table \"t\" {\n  colum \"id\" { type = int }\n}",
            "s.hcl:2:3: there is no block `colum` in `table`; did you mean `column`?",
        ),
        ("tabel \"t\" {}", "s.hcl:1:1: there is no block `tabel` at the top; did you mean `table`?"),
        (
            "table \"t\" {\n  column \"id\" {\n    typ = int\n  }\n}",
            "s.hcl:3:5: there is no attribute `typ` in `column`; did you mean `type`?",
        ),
        ("table \"t\" {\n  column \"id\" {}\n}", "s.hcl:2:3: this `column` has no `type`"),
        (
            "table \"t\" {\n  column \"id\" { type = int }\n  primary_key { columns = [column.idd] }\n}",
            "s.hcl:3:28: the table `t` has no column `idd`; did you mean `column.id`?",
        ),
        (
            "table \"t\" {\n  column \"s\" { type = enum.stat }\n}\nenum \"state\" { values = [\"a\"] }",
            "no enum `stat` is declared; did you mean `enum.state`?",
        ),
        (
            "table \"t\" {\n  schema = schema.ap\n}\nschema \"app\" {}",
            "s.hcl:2:12: no schema `ap` is declared; did you mean `schema.app`?",
        ),
        ("table \"t\" {\n  column \"a\" {\n    type = int\n    null = 1\n  }\n}", "s.hcl:4:12: `null` is `true` or `false`"),
        ("table \"t\" {\n  comment = \"a ${b}\"\n}", "s.hcl:2:13: interpolation is not computed here"),
        ("variable \"v\" {}", "`variable` blocks are computed, which is not done here; write the values themselves"),
        ("table \"t\" {\n  comment = \n}", "s.hcl:2:13: not HCL: "),
        ("table \"t\" {}\ntable \"t\" {}", "s.hcl:2:1: the table `t` is declared twice"),
        (
            "table \"t\" {\n  column \"a\" { type = int }\n  foreign_key \"f\" {\n    columns = [column.a]\n    ref_columns = [table.u.column.id]\n    on_delete = CASCAD\n  }\n}\ntable \"u\" {\n  column \"id\" { type = int }\n}",
            "s.hcl:6:17: `on_delete` is one of NO_ACTION, RESTRICT, CASCADE, SET_NULL, SET_DEFAULT; did you mean `CASCADE`?",
        ),
        (
            "view \"a\" {\n  as = \"select 1\"\n  depends_on = [view.b]\n}\nview \"b\" {\n  as = \"select 1\"\n  depends_on = [view.a]\n}",
            "this needs what needs it in turn",
        ),
    ] {
        let said = refused(text);
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    // Neither depth nor garbage ends the process.
    for text in [
        "[".repeat(200_000),
        format!("a = {}", "!".repeat(200_000)),
        format!("a = {}1", "(".repeat(200_000)),
        "x {".repeat(200_000),
    ] {
        assert!(refused(&text).contains("s.hcl:1:"));
    }
}

#[tokio::test]
async fn what_postgres_refuses_is_said_of_the_hcl() {
    let text = "table \"t\" {\n  column \"a\" {\n    type = int\n  }\n  check \"c\" {\n    expr = \"a > nothing\"\n  }\n}\n";
    on_a_server(async |server| {
        let error = read_back(server, &files(&[("s.hcl", text)]), Strictness::Strict).await.unwrap_err();
        assert_eq!(error.failure().unwrap().sqlstate.as_deref(), Some("42703"));
        assert_eq!(error.spot().unwrap().place.to_string(), "s.hcl:6:17");
    })
    .await;
}
