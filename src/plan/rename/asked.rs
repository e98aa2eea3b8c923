//! Renames that somebody asked for on the pull request: `/schemaproof rename a.b to c`.
//!
//! Who may ask is not decided here. What is written is a name and nothing more: it does something only where it is the name of one
//! object that the base has and the target has not, and the SQL is made of that object's name as the catalog has it.

use super::{Rename, Renames};
use crate::{
    catalog::{Catalog, Kind, ObjectId},
    script::quoted_identifier,
};

/// A rename as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Login, without `@`.
    pub by: String,
    /// The old name: the whole path, or all of it but the schema (`table.column`).
    pub from: Vec<String>,
    /// The new name, without what it is in.
    pub to: String,
}

/// Longest name of a path that is read, in characters; Postgres's own are 63 bytes.
const LONGEST: usize = 200;

impl Asked {
    /// Reads `old to new`, names as SQL writes them: what is not in double quotes is folded to lower case. The new name may be
    /// written with what it is in, which is then the same as the old one's.
    pub fn parse(text: &str, by: &str) -> Option<Asked> {
        let (from, rest) = path(text.trim())?;
        let rest = rest.strip_prefix(char::is_whitespace)?.trim_start();
        let (word, rest) = rest.split_at_checked(2)?;
        if !word.eq_ignore_ascii_case("to") {
            return None;
        }
        let (mut to, rest) = path(rest.strip_prefix(char::is_whitespace)?.trim_start())?;
        let name = to.pop()?;
        let (_, whole) = from.split_last()?;
        (rest.trim().is_empty() && (to.is_empty() || to == whole)).then(|| Asked { by: by.into(), from, to: name })
    }

    /// The old name, as a reader would say it.
    pub fn old(&self) -> String {
        self.from.join(".")
    }

    /// Who asked for what, in words: the beginning of what is said of it when it does nothing.
    pub fn words(&self) -> String {
        format!("{} asked for `{}` to become `{}`", self.by, self.old().replace('`', "\u{2019}"), self.to.replace('`', "\u{2019}"))
    }

    /// Whether the old name can be this object's.
    fn names(&self, id: &ObjectId) -> bool {
        id.path.ends_with(&self.from) && id.path.len() - self.from.len() <= 1
    }

    /// Whether this is what was asked for.
    fn is(&self, from: &[String], to: &[String]) -> bool {
        from.ends_with(&self.from) && to.last() == Some(&self.to)
    }
}

/// The dotted name that a text begins with, and what follows it.
fn path(text: &str) -> Option<(Vec<String>, &str)> {
    let (mut names, mut rest) = (Vec::new(), text);
    loop {
        let (name, after) = name(rest)?;
        names.push(name);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None => return Some((names, after)),
        }
    }
}

fn name(text: &str) -> Option<(String, &str)> {
    let (name, rest) = if text.starts_with('"') {
        quoted_identifier(text)?
    } else {
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        (name.to_ascii_lowercase(), rest)
    };
    (!name.is_empty() && name.chars().count() <= LONGEST && !name.chars().any(char::is_control)).then_some((name, rest))
}

impl Renames {
    /// Binds what was asked for to objects. The newest word on an object counts; a note in the SQL goes before all of them.
    pub(super) fn bind(&mut self, asked: &[Asked], base: &Catalog, target: &Catalog) {
        let mut open: Vec<&Asked> = asked.iter().rev().collect();
        // A column is found under its table's new name once that is known: as long as one more is bound, the rest is tried again.
        loop {
            let before = open.len();
            let mut bound = Vec::new();
            open.retain(|asked| match self.meant_by(asked, base, target) {
                Ok(rename) => {
                    if let Some(rename) = rename {
                        self.renames.push(rename.clone());
                        bound.push(((*asked).clone(), Ok(rename)));
                    }
                    false
                }
                Err(_) => true,
            });
            self.asked.extend(bound);
            if open.len() == before {
                break;
            }
        }
        let refused = open.into_iter().filter_map(|asked| Some((asked.clone(), Err(self.meant_by(asked, base, target).err()?))));
        let refused: Vec<_> = refused.collect();
        self.asked.extend(refused);
    }

    /// The rename that is meant; none when the SQL says it already, or when it has been done.
    fn meant_by(&self, asked: &Asked, base: &Catalog, target: &Catalog) -> Result<Option<Rename>, String> {
        let renamable = |id: &&ObjectId| Rename { from: (*id).clone(), to: (*id).clone() }.sql(target.dialect).is_some();
        let of_base: Vec<&ObjectId> = base.objects.keys().filter(renamable).filter(|id| asked.names(id)).collect();
        let said = self.renames.iter().any(|rename| asked.is(&rename.from.path, &rename.to.path));
        let done = || {
            let mut new = asked.from.clone();
            if let Some(last) = new.last_mut() {
                last.clone_from(&asked.to);
            }
            let new = Asked { from: new, ..asked.clone() };
            base.objects.keys().any(|id| new.names(id) && target.objects.contains_key(id))
        };
        if said || (of_base.is_empty() && done()) {
            return Ok(None);
        }
        if of_base.is_empty() {
            return Err(format!("the base has nothing called {} that can be renamed", asked.old()));
        }
        let taken = |id: &ObjectId| self.renames.iter().any(|rename| rename.from == *id || rename.to == *id);
        let gone: Vec<&ObjectId> = of_base.into_iter().filter(|id| !target.objects.contains_key(&self.in_target(id))).collect();
        let Some(first) = gone.first() else { return Err(format!("{} is still there", asked.old())) };
        let mut meant: Vec<Rename> = gone
            .iter()
            .filter_map(|id| {
                let mut to = self.in_target(id);
                *to.path.last_mut()? = asked.to.clone();
                let mut old = (*id).clone();
                *old.path.last_mut()? = asked.to.clone();
                let free = target.objects.contains_key(&to) && !base.objects.contains_key(&old) && !taken(id) && !taken(&to);
                free.then(|| Rename { from: (*id).clone(), to })
            })
            .collect();
        if meant.iter().any(|rename| rename.from.path == asked.from) {
            meant.retain(|rename| rename.from.path == asked.from);
        }
        // The index of a constraint goes with it.
        if meant.iter().any(|rename| rename.from.kind == Kind::Constraint) {
            meant.retain(|rename| rename.from.kind != Kind::Index);
        }
        let mut meant = meant.into_iter();
        match (meant.next(), meant.next()) {
            (Some(one), None) => Ok(Some(one)),
            (Some(one), Some(other)) => Err(format!("it could be the {one} or the {other}: write the whole name")),
            (None, _) => Err(format!("the target has no new {} called {} in the same place", first.kind, asked.to)),
        }
    }

    /// An object of the base under the names that its wholes have in the target.
    fn in_target(&self, id: &ObjectId) -> ObjectId {
        let wholes =
            self.renames.iter().filter(|rename| rename.from.path.len() < id.path.len() && id.path.starts_with(&rename.from.path));
        let path = match wholes.max_by_key(|rename| rename.from.path.len()) {
            Some(whole) => whole.to.path.iter().chain(&id.path[whole.from.path.len()..]).cloned().collect(),
            None => id.path.clone(),
        };
        ObjectId { kind: id.kind, path }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, String)> {
        Asked::parse(text, "ann").map(|asked| (asked.from.join("|"), asked.to))
    }

    fn catalog(ids: &[(Kind, &str)]) -> Catalog {
        let mut catalog = Catalog::default();
        for (kind, path) in ids {
            let id = ObjectId::new(*kind, path.split('.'));
            catalog.objects.insert(id.clone(), crate::catalog::Object::new(id));
        }
        catalog
    }

    fn bound(asked: &[&str], base: &[(Kind, &str)], target: &[(Kind, &str)]) -> Vec<Result<String, String>> {
        let asked: Vec<Asked> = asked.iter().map(|text| Asked::parse(text, "ann").unwrap()).collect();
        let renames = Renames::read(&[], &asked, &Default::default(), &catalog(base), &catalog(target));
        renames.asked.into_iter().map(|(_, bound)| bound.map(|rename| rename.to_string())).collect()
    }

    #[test]
    fn names_are_read_as_sql_writes_them() {
        let pair = |from: &str, to: &str| Some((from.to_string(), to.to_string()));
        assert_eq!(parsed("public.T.a to b"), pair("public|t|a", "b"));
        assert_eq!(parsed("t.\"A \"\"b\"\".c\" TO \"C d\""), pair("t|A \"b\".c", "C d"));
        assert_eq!(parsed("t.a to t.b"), pair("t|a", "b"));
        for text in
            ["a", "a to", "to b", "a to b c", "a to x.b", "a.to b", "a; to b", "a to b;", "\"a to b", "a..b to c", "\"\" to b"]
        {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_asked_is_bound_to_the_one_object_that_it_can_mean() {
        use Kind::{Column, Index, Table};
        let (base, target) = (
            [(Table, "public.orders"), (Column, "public.orders.who"), (Column, "public.orders.id"), (Index, "public.who")],
            [(Table, "public.bills"), (Column, "public.bills.client"), (Column, "public.bills.id"), (Index, "public.client")],
        );
        // The column is under its table's new name, in whichever order they were asked for.
        assert_eq!(
            bound(&["orders.who to client", "orders to bills"], &base, &target),
            [
                Ok("table public.orders -> public.bills".to_string()),
                Ok("column public.orders.who -> public.bills.client".to_string())
            ]
        );
        // A column is not meant without its table.
        assert_eq!(bound(&["who to client"], &base, &target), [Ok("index public.who -> public.client".to_string())]);
        let (base, target) = ([(Table, "a.old"), (Table, "b.old")], [(Table, "a.new"), (Table, "b.new")]);
        assert_eq!(
            bound(&["old to new"], &base, &target),
            [Err("it could be the table a.old -> a.new or the table b.old -> b.new: write the whole name".to_string())]
        );
    }

    #[test]
    fn what_can_mean_nothing_is_refused_with_the_reason() {
        use Kind::{Column, Table};
        let base = [(Table, "public.t"), (Column, "public.t.a"), (Column, "public.t.kept")];
        let target = [(Table, "public.t"), (Column, "public.t.b"), (Column, "public.t.kept")];
        let why = |asked: &str| bound(&[asked], &base, &target).remove(0).unwrap_err();
        assert_eq!(why("t.x to b"), "the base has nothing called t.x that can be renamed");
        assert_eq!(why("t.kept to b"), "t.kept is still there");
        assert_eq!(why("t.a to c"), "the target has no new column called c in the same place");
        assert_eq!(why("t.a to kept"), "the target has no new column called kept in the same place");
        // Done, and asked for twice: nothing is said of it.
        assert_eq!(bound(&["t.x to kept"], &base, &target), []);
        assert_eq!(bound(&["t.a to b", "public.t.a to b"], &base, &target).len(), 1);
    }

    #[test]
    fn a_later_word_goes_before_an_earlier_one() {
        use Kind::Column;
        let said = bound(&["t.a to b", "t.a to c"], &[(Column, "public.t.a")], &[(Column, "public.t.b"), (Column, "public.t.c")]);
        assert_eq!(said[0], Ok("column public.t.a -> public.t.c".to_string()));
        assert!(said[1].is_err());
    }
}
