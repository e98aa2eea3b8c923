//! Triggers, rules and policies of tables and views, and event triggers, as objects.
//!
//! A trigger that a partition has from its parent is no object of its own, unless it is enabled in another way than the parent's: that
//! is one fact, planned as such. A view's own `_RETURN` rule is the view.

use super::{
    Kind, Object, ObjectId,
    definition::Printed,
    reader::{Builder, CatalogError, Holds, Of, PartReader, Reader, Row, class},
};

pub(super) const PARTS: &[PartReader] = &[
    PartReader {
        reader: Reader { what: "triggers", query: |_| Some(triggers()), row: trigger },
        of: Of::Relation("tgrelid"),
        holds: &[
            ("oid", Holds::Own(class::TRIGGER)),
            ("tgname", Holds::Name),
            ("tgfoid", Holds::Oid(class::PROC)),
            ("tgconstrrelid", Holds::Oid(class::CLASS)),
            ("tgqual", Holds::Tree),
            ("constraint_oid", Holds::Nothing),
        ],
        sums: None,
    },
    PartReader {
        reader: Reader {
            what: "rules",
            query: |_| {
                Some(
                    "select r.oid, r.ev_class, r.rulename, r.ev_enabled, pg_get_ruledef(r.oid) as definition from pg_rewrite r
                     where r.oid >= 16384 and r.rulename <> '_RETURN'"
                        .to_owned(),
                )
            },
            row: rule,
        },
        of: Of::Relation("ev_class"),
        holds: &[("oid", Holds::Own(class::REWRITE)), ("rulename", Holds::Name)],
        sums: None,
    },
    PartReader {
        reader: Reader {
            what: "policies",
            query: |_| {
                Some(
                    "select p.oid, p.polrelid, p.polname, p.polpermissive, p.polcmd, pg_get_expr(p.polqual, p.polrelid) as using,
                       pg_get_expr(p.polwithcheck, p.polrelid) as check,
                       (select to_json(array_agg(case when r = 0 then 'public' else quote_ident(pg_get_userbyid(r)) end
                          order by case when r = 0 then 'public' else quote_ident(pg_get_userbyid(r)) end)) from unnest(p.polroles) r) as roles
                     from pg_policy p where p.oid >= 16384"
                        .to_owned(),
                )
            },
            row: policy,
        },
        of: Of::Relation("polrelid"),
        holds: &[("oid", Holds::Own(class::POLICY)), ("polname", Holds::Name)],
        sums: None,
    },
];

pub(super) const READERS: &[Reader] = &[Reader {
    what: "event triggers",
    query: |_| {
        Some(
            "select e.oid, e.evtname, e.evtevent, e.evtenabled, e.evtfoid::regproc as function, to_json(e.evttags) as tags,
               pg_get_userbyid(e.evtowner) as owner from pg_event_trigger e where e.oid >= 16384"
                .to_owned(),
        )
    },
    row: event_trigger,
}];

/// What makes a foreign key or a deferrable key work is left out.
fn triggers() -> String {
    "select oid, tgrelid, tgname, tgenabled, tgisinternal, tgparentid <> 0 as clone, tgconstraint <> 0 as of_key, tgfoid, tgtype,
       nullif(tgconstrrelid, 0) as tgconstrrelid, tgdeferrable, tginitdeferred, tgattr, tgargs, tgqual, tgoldtable, tgnewtable,
       case when tgparentid <> 0 then (select u.tgenabled from pg_trigger u where u.oid = t.tgparentid) end as parent_enabled,
       case when tgconstraint <> 0 then (select k.oid from pg_constraint k where k.oid = t.tgconstraint and k.contype = 't') end as constraint_oid
     from pg_trigger t where oid >= 16384 and not (tgisinternal and tgparentid = 0)"
        .to_owned()
}

/// A part of the relation with this OID, by its name.
fn part(builder: &Builder, kind: Kind, relation: u32, name: &str) -> Option<(ObjectId, ObjectId)> {
    let whole = builder.relation(relation)?.clone();
    Some((whole.part(kind, name), whole))
}

/// `pg_trigger.tgenabled` and its like, in SQL's words; `None` is the usual.
fn enabled(letter: &str) -> Option<&'static str> {
    match letter {
        "D" => Some("DISABLE"),
        "R" => Some("ENABLE REPLICA"),
        "A" => Some("ENABLE ALWAYS"),
        _ => None,
    }
}

fn trigger(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let oid = row.oid("oid")?;
    let constraint = row.oid("constraint_oid")?;
    let clone = row.flag("clone")?;
    if clone && constraint == 0 && row.flag("tgisinternal")? && row.flag("of_key")? {
        builder.ignore(class::TRIGGER, oid);
        return Ok(());
    }
    let Some((id, whole)) = part(builder, Kind::Trigger, row.oid("tgrelid")?, row.text("tgname")?) else { return Ok(()) };
    let state = row.text("tgenabled")?;
    if clone {
        let parent = row.opt("parent_enabled")?.unwrap_or("O");
        if state == parent {
            builder.ignore(class::TRIGGER, oid);
            if constraint != 0 {
                builder.ignore(class::CONSTRAINT, constraint);
            }
            return Ok(());
        }
        let state = enabled(state).unwrap_or("ENABLE");
        let object = Object::new(id.clone())
            .at(class::TRIGGER, oid, 0)
            .part_of(whole)
            .with("enabled", state)
            .detail("clone", true)
            .detail("parent_enabled", enabled(parent).unwrap_or("ENABLE"));
        if builder.add(object) && constraint != 0 {
            builder.alias(class::CONSTRAINT, constraint, 0, id);
        }
        return Ok(());
    }
    let object = Object::new(id.clone()).at(class::TRIGGER, oid, 0).part_of(whole).with_some("enabled", enabled(state));
    if builder.add(object) {
        // What is internal and no clone is not read.
        builder.ask(Printed::Trigger, oid, &id);
        if constraint != 0 {
            builder.alias(class::CONSTRAINT, constraint, 0, id);
        }
    }
    Ok(())
}

fn rule(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let Some((id, whole)) = part(builder, Kind::Rule, row.oid("ev_class")?, row.text("rulename")?) else { return Ok(()) };
    let object = Object::new(id)
        .at(class::REWRITE, row.oid("oid")?, 0)
        .part_of(whole)
        .with("definition", row.text("definition")?.trim_end().trim_end_matches(';'))
        .with_some("enabled", enabled(row.text("ev_enabled")?));
    builder.add(object);
    Ok(())
}

fn policy(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let Some((id, whole)) = part(builder, Kind::Policy, row.oid("polrelid")?, row.text("polname")?) else { return Ok(()) };
    let command = match row.text("polcmd")? {
        "r" => "SELECT",
        "a" => "INSERT",
        "w" => "UPDATE",
        "d" => "DELETE",
        _ => "ALL",
    };
    let object = Object::new(id)
        .at(class::POLICY, row.oid("oid")?, 0)
        .part_of(whole)
        .with("command", command)
        .with_flag("restrictive", !row.flag("polpermissive")?)
        .with("roles", row.list("roles")?)
        .with_some("using", row.opt("using")?)
        .with_some("check", row.opt("check")?);
    builder.add(object);
    Ok(())
}

fn event_trigger(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let object = Object::new(ObjectId::new(Kind::EventTrigger, [row.text("evtname")?]))
        .at(class::EVENT_TRIGGER, row.oid("oid")?, 0)
        .with("owner", row.text("owner")?)
        .with("event", row.text("evtevent")?)
        .with("function", row.text("function")?)
        .with_list("tags", row.list("tags")?)
        .with_some("enabled", enabled(row.text("evtenabled")?));
    builder.add(object);
    Ok(())
}
