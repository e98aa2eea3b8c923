//! Reports as a run on a real change makes them (the P8FS corpus), put together by hand.

use schemaproof::{
    catalog::Action,
    plan::Origin,
    proof::{Effects, FailedRows, Judgement, Lock, SqlError},
    report::{
        Down, Drift, Engine, Picture, PicturedColumn, PicturedReference, PicturedTable, Remark, Report, ReportedChange,
        ReportedFinding, ReportedProof, ReportedStep, Run, Side,
    },
    risk::Level,
    verdict::Verdict,
};

const ENTITIES: [&str; 6] = ["agents", "files", "projects", "resources", "tasks", "users"];

pub fn run() -> Run {
    Run {
        number: 214,
        url: "https://github.com/acme/p8fs/actions/runs/99214".into(),
        repository: "acme/p8fs".into(),
        server_url: "https://github.com".into(),
        head_sha: "e9b8844f0c2b1d5a6e7f8091a2b3c4d5e6f70812".into(),
        pull_request: Some(7),
    }
}

pub fn sides() -> (Side, Side) {
    (
        Side { name: "main".into(), commit: Some("84c5a56b1d2c3e4f5061728394a5b6c7d8e9f001".into()), files: 3 },
        Side { name: "feature".into(), commit: Some(run().head_sha), files: 3 },
    )
}

fn lock(relation: &str, mode: &str) -> Lock {
    Lock { relation: relation.into(), mode: format!("{mode}Lock") }
}

fn step(sql: &str, origin: Origin, effects: Effects) -> ReportedStep {
    ReportedStep { sql: sql.into(), origin, group: 1, transactional: true, effects: Some(effects) }
}

fn change(kind: &str, object: &str, action: Action, details: &[&str], line: u32, steps: Vec<usize>) -> ReportedChange {
    ReportedChange {
        kind: kind.into(),
        object: object.into(),
        action,
        renamed_from: None,
        details: details.iter().map(ToString::to_string).collect(),
        file: Some("extensions/sql/01_entity_schema.sql".into()),
        line: Some(line),
        left_out: false,
        steps,
    }
}

/// The change of P8FS that narrows six embeddings, as a blocked report.
pub fn p8fs() -> Report {
    let (base, target) = sides();
    let mut report = schemaproof::report::build::nothing("", base, target, 6.2, Some(run()));
    report.verdict = Verdict::Blocked;
    report.reason = "6 blocking findings are not accepted.".into();
    report.proven = true;
    report.fingerprint = Some("b7f3·91c2·5d0e·77aa".into());
    report.server = Some("16.4".into());
    report.engine = Some(Engine { name: Origin::Atlas, version: "1.2.3".into(), left_out: 9 });
    for (at, entity) in ENTITIES.iter().enumerate() {
        let table = format!("embeddings.{entity}_embeddings");
        let column = format!("{table}.embedding_vector");
        report.steps.push(step(
            &format!("ALTER TABLE {table} ALTER COLUMN embedding_vector TYPE vector(384)"),
            Origin::Native,
            Effects {
                locks: vec![lock(&table, "AccessExclusive")],
                rewrites: vec![table.clone()],
                index_builds: vec![format!("idx_{entity}_embeddings_vector_cosine")],
                rows_before: Some(20),
                rows_after: Some(20),
                milliseconds: 14.2,
                error_on_rows: Some(SqlError {
                    sqlstate: Some("22000".into()),
                    message: "expected 384 dimensions, not 1536".into(),
                    detail: None,
                    hint: None,
                    table: None,
                    part: None,
                }),
                failed_rows: Some(FailedRows::Own),
                ..Effects::default()
            },
        ));
        let mut altered =
            change("column", &column, Action::Alter, &["type `vector(1536)` → `vector(384)`"], 61 + 90 * at as u32, vec![at]);
        altered.left_out = true;
        report.changes.push(altered);
        report.findings.push(ReportedFinding {
            rule: "change-column-type".into(),
            title: "The type of a column with data changes".into(),
            level: Level::Danger,
            blocks: true,
            accepted_by: None,
            kind: "column".into(),
            object: column.clone(),
            message: format!(
                "The type of `{column}` changes from `vector(1536)` to `vector(384)`: values are converted or refused."
            ),
            measured: (at == 0).then(|| "Step 1 fails on the rows of the copy: `expected 384 dimensions, not 1536` (22000).".into()),
            live: None,
            advice: "Add a column of the new type, fill it in batches, switch readers and writers, and drop the old one later.".into(),
            safer_sql: Some(format!(
                "ALTER TABLE {table} ADD COLUMN embedding_vector_new vector(384);\n-- then fill embedding_vector_new from the model in \
                 batches, switch the readers, and drop embedding_vector later"
            )),
            file: Some("extensions/sql/01_entity_schema.sql".into()),
            line: Some(61 + 90 * at as u32),
            step: Some(at),
        });
    }
    let unique = "ALTER TABLE public.resources ADD CONSTRAINT resources_name_tenant_id_key UNIQUE (name, tenant_id)";
    report.steps.push(step(
        unique,
        Origin::Atlas,
        Effects {
            locks: vec![lock("public.resources", "ShareRowExclusive")],
            index_builds: vec!["resources_name_tenant_id_key".into()],
            rows_before: Some(212),
            rows_after: Some(212),
            milliseconds: 1.4,
            ..Effects::default()
        },
    ));
    let key = "public.resources.resources_name_tenant_id_key";
    report.changes.push(change("constraint", key, Action::Create, &["UNIQUE `(name, tenant_id)`"], 384, vec![6]));
    report.findings.push(ReportedFinding {
        rule: "add-unique".into(),
        title: "A unique constraint is added".into(),
        level: Level::Warning,
        blocks: false,
        accepted_by: None,
        kind: "constraint".into(),
        object: key.into(),
        message: format!("Unique constraint `{key}` is added; equal rows make it fail, and writes wait while its index is built (212 rows on the copy)."),
        measured: None,
        live: None,
        advice: "Build the unique index concurrently first, then make the constraint from it in an instant.".into(),
        safer_sql: Some(
            "CREATE UNIQUE INDEX CONCURRENTLY resources_name_tenant_id_key ON public.resources (name, tenant_id);\nALTER TABLE \
             public.resources ADD CONSTRAINT resources_name_tenant_id_key UNIQUE USING INDEX resources_name_tenant_id_key;"
                .into(),
        ),
        file: Some("extensions/sql/01_entity_schema.sql".into()),
        line: Some(384),
        step: Some(6),
    });
    let index = "CREATE INDEX idx_files_derived_attributes_gin ON public.files USING gin (derived_attributes)";
    report.steps.push(step(
        index,
        Origin::Atlas,
        Effects {
            locks: vec![lock("public.files", "Share")],
            index_builds: vec!["public.idx_files_derived_attributes_gin".into()],
            rows_before: Some(20),
            rows_after: Some(20),
            milliseconds: 0.3,
            ..Effects::default()
        },
    ));
    let name = "public.idx_files_derived_attributes_gin";
    report.changes.push(change("index", name, Action::Create, &["on `public.files`"], 128, vec![7]));
    report.findings.push(ReportedFinding {
        rule: "build-index".into(),
        title: "An index is built while writes wait".into(),
        level: Level::Warning,
        blocks: false,
        accepted_by: Some("the note at extensions/sql/01_entity_schema.sql:127: files is small".into()),
        kind: "index".into(),
        object: name.into(),
        message: format!("Index `{name}` is built while writes to `public.files` wait (20 rows on the copy)."),
        measured: None,
        live: None,
        advice: "Create it with `CONCURRENTLY`, outside of a transaction (`--online` plans it so).".into(),
        safer_sql: Some(
            "CREATE INDEX CONCURRENTLY idx_files_derived_attributes_gin ON public.files USING gin (derived_attributes);".into(),
        ),
        file: Some("extensions/sql/01_entity_schema.sql".into()),
        line: Some(128),
        step: Some(7),
    });
    for (at, table) in ["public.moments", "embeddings.moments_embeddings"].iter().enumerate() {
        let sql = format!("CREATE TABLE {table} (id uuid NOT NULL, name text NOT NULL, tenant_id text NOT NULL)");
        report
            .steps
            .push(ReportedStep { group: 2, ..step(&sql, Origin::Atlas, Effects { milliseconds: 2.0, ..Effects::default() }) });
        let details = if at == 0 {
            "with 26 columns, 2 constraints, 8 indexes, 1 trigger"
        } else {
            "with 9 columns, 3 constraints, 6 indexes"
        };
        report.changes.push(change("table", table, Action::Create, &[details], 231 + 45 * at as u32, vec![8 + at]));
    }
    for (at, function) in ["p8.fuzzy_scan_kv(text, integer)", "p8.fuzzy_search(text)"].iter().enumerate() {
        let sql = format!("CREATE FUNCTION {function} RETURNS SETOF text LANGUAGE sql AS $$ select 'x'::text $$");
        report
            .steps
            .push(ReportedStep { group: 2, ..step(&sql, Origin::Native, Effects { milliseconds: 0.4, ..Effects::default() }) });
        let mut created = change("function", function, Action::Create, &[], 297 + 80 * at as u32, vec![10 + at]);
        created.left_out = true;
        report.changes.push(created);
    }
    let equal = Judgement { equal: true, differences: vec![], unable: None };
    report.proof = Some(ReportedProof { pg_dump: equal.clone(), catalog: equal });
    report.remarks.push(Remark {
        title: "A statement of the base fails and was left out".into(),
        text: "The base is loaded leniently: this pull request may be what mends it.".into(),
        quote: Some("SELECT p8.register_entities('public.agents')".into()),
        file: Some("extensions/sql/00_install.sql".into()),
        line: Some(12),
    });
    report.picture = picture();
    report.down = Some(Down {
        steps: vec![step("DROP TABLE public.moments", Origin::Native, Effects::default())],
        lossless: false,
        proven: true,
    });
    report.drift = Some(Drift { database: "postgres://reader@db.internal/app".into(), changes: vec![], steps: vec![] });
    report
}

fn picture() -> Picture {
    let column = |name: &str, kind: &str, primary_key: bool, action| PicturedColumn {
        name: name.into(),
        r#type: kind.into(),
        type_before: (action == Some(Action::Alter)).then(|| "vector(1536)".into()),
        primary_key,
        foreign_key: name == "entity_id",
        action,
    };
    let mut picture = Picture::default();
    for entity in ["agents", "moments"] {
        let new = (entity == "moments").then_some(Action::Create);
        picture.tables.insert(
            format!("embeddings.{entity}_embeddings"),
            PicturedTable {
                action: new.or(Some(Action::Alter)),
                columns: vec![
                    column("id", "uuid", true, None),
                    column("entity_id", "uuid", false, None),
                    column("field_name", "character varying(255)", false, None),
                    column("embedding_vector", "vector(384)", false, if new.is_some() { None } else { Some(Action::Alter) }),
                    column("tenant_id", "text", false, None),
                ],
            },
        );
        picture.tables.insert(
            format!("public.{entity}"),
            PicturedTable {
                action: new,
                columns: vec![
                    column("id", "uuid", true, None),
                    column("name", "text", false, None),
                    column("tenant_id", "text", false, None),
                ],
            },
        );
        picture.references.push(PicturedReference {
            from: format!("embeddings.{entity}_embeddings"),
            to: format!("public.{entity}"),
            constraint: format!("{entity}_embeddings_entity_id_fkey"),
            action: new,
        });
    }
    picture.tables.insert(
        "public.resources".into(),
        PicturedTable {
            action: Some(Action::Alter),
            columns: vec![
                column("id", "uuid", true, None),
                column("name", "text", false, None),
                column("legacy_code", "text", false, Some(Action::Drop)),
                column("moment_id", "text", false, Some(Action::Create)),
            ],
        },
    );
    picture
}

/// A change that hurts nobody.
pub fn safe() -> Report {
    let mut report = p8fs();
    report.verdict = Verdict::Pass;
    report.reason = "The plan is proven and nothing in it blocks.".into();
    report.engine = Some(Engine { name: Origin::Native, version: "0.1.0".into(), left_out: 0 });
    report.findings.clear();
    report.remarks.clear();
    report.drift = None;
    report.down = None;
    report.picture = Picture::default();
    report.steps = report.steps.split_off(8);
    for step in &mut report.steps {
        step.group = 1;
    }
    report.changes = report.changes.split_off(8);
    for change in &mut report.changes {
        change.steps = change.steps.iter().map(|at| at - 8).collect();
        change.left_out = false;
    }
    report
}
