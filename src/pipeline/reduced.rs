//! Two small databases in the place of two large ones, for a planner whose time grows with all that is there: they hold what differs, and
//! of what that refers to as much as it takes to be referred to.

use std::collections::BTreeSet;

use super::{PipelineError, side::Side};
use crate::{
    catalog::{
        Catalog, Change, Kind, ObjectId,
        read::{self, ReadOptions},
    },
    plan::native,
    sandbox::Server,
};

/// From how many tables on Atlas is handed less. Below, it is fast enough, and what it says about everything is worth more.
const LARGE: usize = 200;

/// The names of what is to be handed over; `None` where everything is.
pub(super) fn wanted(base: &Catalog, target: &Catalog, changes: &[Change]) -> Option<BTreeSet<ObjectId>> {
    let tables = |ids: &mut dyn Iterator<Item = &ObjectId>| ids.filter(|id| id.kind == Kind::Table).count();
    let all = tables(&mut base.objects.keys()).max(tables(&mut target.objects.keys()));
    let mut wanted = BTreeSet::new();
    for catalog in [base, target] {
        let mut wholes = BTreeSet::new();
        for change in changes {
            let whole = catalog.line(&change.object).last().cloned();
            // What else there is Atlas's community edition does not plan.
            let known = |id: &ObjectId| matches!(id.kind, Kind::Schema | Kind::Table | Kind::Type | Kind::Domain | Kind::Sequence);
            wholes.extend(whole.filter(|id| known(id) && catalog.objects.contains_key(id)));
        }
        let mut work: Vec<ObjectId> = wholes.into_iter().collect();
        // Whatever lies in a schema is not a part of it.
        let parts = |of: &BTreeSet<ObjectId>, kinds: &dyn Fn(Kind) -> bool| -> Vec<ObjectId> {
            let within =
                |object: &&crate::catalog::Object| kinds(object.id.kind) && object.parent.as_ref().is_some_and(|p| of.contains(p));
            catalog.objects.values().filter(within).map(|object| object.id.clone()).collect()
        };
        let mut found: BTreeSet<ObjectId> = work.iter().cloned().collect();
        // All parts of what differs.
        let mut level = found.clone();
        while !level.is_empty() {
            level = parts(&level, &|_| true).into_iter().filter(|id| found.insert(id.clone())).collect();
            work.extend(level.iter().cloned());
        }
        // What it needs, without what that has in turn besides its columns.
        while !work.is_empty() {
            let mut next = BTreeSet::new();
            for id in work.drain(..) {
                let Some(object) = catalog.objects.get(&id) else { continue };
                next.extend(object.needs.iter().chain(&object.parent).filter(|need| !found.contains(*need)).cloned());
            }
            let columns = parts(&next, &|kind| kind == Kind::Column).into_iter().filter(|id| !found.contains(id));
            let columns: BTreeSet<ObjectId> = columns.collect();
            let below = parts(&columns, &|kind| matches!(kind, Kind::Default | Kind::Sequence));
            for id in next.into_iter().chain(columns).chain(below) {
                if found.insert(id.clone()) {
                    work.push(id);
                }
            }
        }
        wanted.extend(found);
    }
    (all >= LARGE && tables(&mut wanted.iter()) * 2 < all).then_some(wanted)
}

/// Makes a database of what is wanted of a side; answers with its name, or why it cannot be made.
pub(super) async fn make(
    server: &Server,
    side: &Side,
    wanted: &BTreeSet<ObjectId>,
) -> Result<Result<String, String>, PipelineError> {
    let database = server.create_database("reduced", None).await?;
    match fill(server, &database, side, wanted).await? {
        Ok(()) => Ok(Ok(database)),
        Err(why) => {
            server.drop_database(&database).await?;
            Ok(Err(why))
        }
    }
}

async fn fill(
    server: &Server,
    database: &str,
    side: &Side,
    wanted: &BTreeSet<ObjectId>,
) -> Result<Result<(), String>, PipelineError> {
    let connection = server.connect(database).await?;
    let empty = read::read(&connection, &ReadOptions::default()).await?;
    let mut part = side.catalog.clone();
    // The database itself, and what every database has, is as it is.
    part.objects.retain(|id, _| wanted.contains(id) || id.kind == Kind::Database);
    for (id, object) in &empty.objects {
        if !part.objects.contains_key(id) {
            part.objects.insert(id.clone(), object.clone());
        }
    }
    let plan = match native::plan(&empty, &part, &native::Options::default()) {
        Ok(plan) => plan,
        Err(error) => return Ok(Err(error.to_string())),
    };
    for step in &plan.steps {
        if let Err(error) = connection.batch_execute(&step.sql).await {
            return Ok(Err(format!("{}: {}", step.shown(), crate::sandbox::error_text(&error))));
        }
    }
    connection.close().await;
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Object, compare};

    /// Tables `t1` to `t300` with a key that refers to the table before, a column of a type, and a view; in `t100` a column more.
    fn catalog(changed: bool) -> Catalog {
        let table = |number: usize| ObjectId::new(Kind::Table, ["public".into(), format!("t{number}")]);
        let schema = ObjectId::new(Kind::Schema, ["public"]);
        let state = ObjectId::new(Kind::Type, ["public", "state"]);
        let mut objects = vec![Object::new(schema.clone()), Object { needs: vec![schema.clone()], ..Object::new(state.clone()) }];
        for number in 1..=300 {
            let whole = table(number);
            let column = |name: &str| Object::new(whole.part(Kind::Column, name)).part_of(whole.clone());
            objects.push(Object { needs: vec![schema.clone()], ..Object::new(whole.clone()) });
            objects.push(column("id"));
            objects.push(Object { needs: vec![state.clone()], ..column("state") });
            objects.extend((changed && number == 100).then(|| column("note")));
            let needs = vec![table(number - 1).part(Kind::Column, "id")];
            objects.push(Object { needs, ..Object::new(whole.part(Kind::Constraint, "fkey")).part_of(whole.clone()) });
            let view = ObjectId::new(Kind::View, ["public".into(), format!("v{number}")]);
            objects.push(Object { needs: vec![whole.part(Kind::Column, "id")], ..Object::new(view) });
        }
        Catalog { objects: objects.into_iter().map(|object| (object.id.clone(), object)).collect(), ..Catalog::default() }
    }

    #[test]
    fn of_many_tables_those_that_differ_and_what_they_refer_to_are_wanted() {
        let (base, target) = (catalog(false), catalog(true));
        let wanted = wanted(&base, &target, &compare(&base, &target)).expect("less than all");
        let of = |kind: Kind| wanted.iter().filter(|id| id.kind == kind).map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(of(Kind::Table), ["public.t100", "public.t99"]);
        assert_eq!(
            of(Kind::Column),
            ["public.t100.id", "public.t100.note", "public.t100.state", "public.t99.id", "public.t99.state"]
        );
        assert_eq!(of(Kind::Constraint), ["public.t100.fkey"], "a key of what is only referred to would want more");
        assert_eq!(of(Kind::Type), ["public.state"]);
        assert!(of(Kind::View).is_empty(), "Atlas's community edition plans none");
        assert!(wanted.contains(&ObjectId::new(Kind::Schema, ["public"])));
    }

    #[test]
    fn where_tables_are_few_or_most_of_them_differ_everything_is_handed_over() {
        let (base, target) = (catalog(false), catalog(true));
        let few = |catalog: &Catalog| {
            let mut catalog = catalog.clone();
            catalog.objects.retain(|id, _| id.path.last().is_some_and(|name| !name.starts_with("t2")));
            catalog
        };
        assert_eq!(wanted(&few(&base), &few(&target), &compare(&few(&base), &few(&target))), None);
        assert_eq!(wanted(&Catalog::default(), &target, &compare(&Catalog::default(), &target)), None);
    }
}
