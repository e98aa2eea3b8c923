//! A catalog's fingerprint: one hash of all that is compared, to tell whether a database is still the one that was read.
//!
//! What no comparison looks at (addresses, details, the server's version) is not in it, so that two databases with the same
//! schema have the same fingerprint wherever they are. It says that something differs, never what: that is [`super::compare`]'s.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Catalog, Value, column};

/// SHA-256 over the objects of a catalog and their attributes, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CatalogFingerprint(String);

impl CatalogFingerprint {
    /// Reads a fingerprint that [`CatalogFingerprint`] printed; absent when the text is none.
    pub fn parse(text: &str) -> Option<CatalogFingerprint> {
        let digits = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| CatalogFingerprint(text.into()))
    }
}

impl fmt::Display for CatalogFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Catalog {
    /// The fingerprint of what [`super::compare`] compares: equal exactly when nothing differs. Names of NOT NULL constraints that follow from
    /// other names, and whose they are, are not in it, so that it is the same on servers that have none (before 18), nor is what the reader had no right to see.
    pub fn fingerprint(&self) -> CatalogFingerprint {
        let mut hash = Hash(Sha256::new());
        for object in self.objects.values() {
            hash.text(&object.id.kind.to_string());
            hash.list(&object.id.path);
            let follows = column::not_null_name_follows(object);
            let known = |name: &str| name != "not_null_own" && (!follows || name != "not_null_name");
            let seen = |name: &str| object.unseen().iter().all(|unseen| unseen != name);
            let attributes = || object.attributes.iter().filter(|(name, _)| known(name) && seen(name));
            hash.number(attributes().count());
            for (name, value) in attributes() {
                hash.text(name);
                match value {
                    Value::Bool(value) => hash.text(if *value { "true" } else { "false" }),
                    Value::Integer(value) => hash.text(&value.to_string()),
                    Value::Text(value) => hash.text(value),
                    Value::List(values) => hash.list(values),
                }
            }
        }
        CatalogFingerprint(hash.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Lengths go before what they measure, so that no two different catalogs feed the hash the same bytes.
struct Hash(Sha256);

impl Hash {
    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.0.update(text.as_bytes());
    }

    fn list(&mut self, texts: &[String]) {
        self.number(texts.len());
        for text in texts {
            self.text(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Kind, Object, ObjectId};

    fn catalog(path: &[&str], attribute: &str) -> Catalog {
        let object = Object::new(ObjectId::new(Kind::Column, path.iter().copied())).with("type", attribute);
        Catalog { objects: [(object.id.clone(), object)].into(), ..Catalog::default() }
    }

    #[test]
    fn it_follows_what_is_compared_and_nothing_else() {
        let one = catalog(&["public", "t", "c"], "text");
        let mut moved = one.clone();
        moved.server_version = 180_000;
        for object in moved.objects.values_mut() {
            object.details.insert("position", 7.into());
        }
        assert_eq!(one.fingerprint(), moved.fingerprint());
        assert_ne!(one.fingerprint(), catalog(&["public", "t", "c"], "int").fingerprint());
        assert_ne!(one.fingerprint(), catalog(&["public", "tc", ""], "text").fingerprint());
        assert_eq!(CatalogFingerprint::parse(&one.fingerprint().to_string()), Some(one.fingerprint()));
        assert_eq!(CatalogFingerprint::parse("abc"), None);
    }
}
