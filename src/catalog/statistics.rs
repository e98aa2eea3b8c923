//! Extended statistics as objects, parts of the table they are about.

use super::{
    Kind, Object, ObjectId,
    reader::{Holds, Of, PartReader, Reader, USER_SCHEMAS, class},
};

pub(super) const PARTS: &[PartReader] = &[PartReader {
    reader: Reader {
        what: "extended statistics",
        query: |_| {
            Some(format!(
            "select s.oid, n.nspname, s.stxname, s.stxrelid, pg_get_userbyid(s.stxowner) as owner, pg_get_statisticsobjdef(s.oid) as definition,
               nullif(s.stxstattarget, -1) as target
             from pg_statistic_ext s join pg_namespace n on n.oid = s.stxnamespace where {USER_SCHEMAS}"
        ))
        },
        row: |row, builder| {
            let Some(table) = builder.relation(row.oid("stxrelid")?).cloned() else { return Ok(()) };
            let object = Object::new(ObjectId::new(Kind::Statistics, [row.text("nspname")?, row.text("stxname")?]))
                .at(class::STATISTICS, row.oid("oid")?, 0)
                .part_of(table)
                .with("owner", row.text("owner")?)
                .with("definition", row.text("definition")?)
                .with_some("target", row.integer("target")?);
            builder.add(object);
            Ok(())
        },
    },
    of: Of::Relation("stxrelid"),
    holds: &[("oid", Holds::Own(class::STATISTICS)), ("stxname", Holds::Name)],
    sums: None,
}];
