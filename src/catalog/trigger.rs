//! Triggers, rules and policies of tables and views, and event triggers, as objects.
//!
//! A trigger that a partition has from its parent is no object of its own, unless it is enabled in another way than the parent's: that
//! is one fact, planned as such. A view's own `_RETURN` rule is the view.

use super::{
    Kind, Object, ObjectId,
    read::{Builder, CatalogError, Reader, Row, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader {
        what: "triggers",
        query: |_| {
            // What makes a foreign key or a deferrable key work is left out.
            Some(
                "select t.oid, t.tgrelid, t.tgname, t.tgenabled, t.tgisinternal, u.tgenabled as parent_enabled, t.tgparentid, t.tgconstraint <> 0 as of_key,
                   case when t.tgparentid = 0 and not t.tgisinternal then pg_get_triggerdef(t.oid) end as definition, k.oid as constraint_oid
                 from pg_trigger t left join pg_trigger u on u.oid = t.tgparentid
                   left join pg_constraint k on k.oid = t.tgconstraint and k.contype = 't'
                 where t.oid >= 16384 and not (t.tgisinternal and t.tgparentid = 0)"
                    .to_owned(),
            )
        },
        row: trigger,
    },
    Reader {
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
    Reader {
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
    Reader {
        what: "event triggers",
        query: |_| {
            Some(
                "select e.oid, e.evtname, e.evtevent, e.evtenabled, e.evtfoid::regproc as function, to_json(e.evttags) as tags,
                   pg_get_userbyid(e.evtowner) as owner from pg_event_trigger e where e.oid >= 16384"
                    .to_owned(),
            )
        },
        row: event_trigger,
    },
];

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
    let clone = row.oid("tgparentid")? != 0;
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
    let object = Object::new(id.clone())
        .at(class::TRIGGER, oid, 0)
        .part_of(whole)
        .with("definition", row.text("definition")?)
        .with_some("enabled", enabled(state));
    if builder.add(object) && constraint != 0 {
        builder.alias(class::CONSTRAINT, constraint, 0, id);
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
