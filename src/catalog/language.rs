//! Collations, conversions, languages, transforms and access methods as objects.
//!
//! The version of a collation's library is a fact of the machine, not of the schema, and is not read.

use super::{
    Kind, Object, ObjectId,
    reader::{Reader, USER_SCHEMAS, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader {
        what: "languages",
        query: |_| {
            Some(
                "select l.oid, l.lanname, pg_get_userbyid(l.lanowner) as owner, l.lanpltrusted, l.lanplcallfoid::regproc as handler,
                   nullif(l.laninline, 0)::regproc as inline, nullif(l.lanvalidator, 0)::regproc as validator
                 from pg_language l where l.oid >= 16384 and l.lanispl"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::Language, [row.text("lanname")?]))
                .at(class::LANGUAGE, row.oid("oid")?, 0)
                .with("owner", row.text("owner")?)
                .with_flag("trusted", row.flag("lanpltrusted")?)
                .with("handler", row.text("handler")?)
                .with_some("inline", row.opt("inline")?)
                .with_some("validator", row.opt("validator")?);
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "transforms",
        query: |_| {
            Some(
                "select t.oid, format_type(t.trftype, null) as type, quote_ident(l.lanname) as language,
                   case when t.trffromsql <> 0 then t.trffromsql::oid::regprocedure end as from_sql,
                   case when t.trftosql <> 0 then t.trftosql::oid::regprocedure end as to_sql
                 from pg_transform t join pg_language l on l.oid = t.trflang where t.oid >= 16384"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            let name = format!("{} LANGUAGE {}", row.text("type")?, row.text("language")?);
            let object = Object::new(ObjectId::new(Kind::Transform, [name.clone()]))
                .at(class::TRANSFORM, row.oid("oid")?, 0)
                .with_some("from_sql", row.opt("from_sql")?)
                .with_some("to_sql", row.opt("to_sql")?)
                .detail("sql", format!("FOR {name}"));
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "access methods",
        query: |_| {
            Some("select a.oid, a.amname, a.amtype, a.amhandler::regproc as handler from pg_am a where a.oid >= 16384".to_owned())
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::AccessMethod, [row.text("amname")?]))
                .at(class::ACCESS_METHOD, row.oid("oid")?, 0)
                .with("type", if row.text("amtype")? == "t" { "TABLE" } else { "INDEX" })
                .with("handler", row.text("handler")?);
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "collations",
        query: |version| {
            let locale = match version {
                170_000.. => "c.colllocale",
                150_000.. => "c.colliculocale",
                _ => "case c.collprovider when 'i' then c.collcollate end",
            };
            let rules = if version >= 160_000 { "c.collicurules" } else { "null" };
            Some(format!(
                "select c.oid, n.nspname, c.collname, pg_get_userbyid(c.collowner) as owner, c.collprovider, c.collisdeterministic,
                   {locale} as locale, case c.collprovider when 'c' then c.collcollate end as lc_collate,
                   case c.collprovider when 'c' then c.collctype end as lc_ctype, {rules} as rules
                 from pg_collation c join pg_namespace n on n.oid = c.collnamespace where {USER_SCHEMAS}"
            ))
        },
        row: |row, builder| {
            let provider = match row.text("collprovider")? {
                "i" => "icu",
                "b" => "builtin",
                "d" => "default",
                _ => "libc",
            };
            let object = Object::new(ObjectId::new(Kind::Collation, [row.text("nspname")?, row.text("collname")?]))
                .at(class::COLLATION, row.oid("oid")?, 0)
                .with("owner", row.text("owner")?)
                .with("provider", provider)
                .with_flag("nondeterministic", !row.flag("collisdeterministic")?)
                .with_some("locale", row.opt("locale")?)
                .with_some("lc_collate", row.opt("lc_collate")?)
                .with_some("lc_ctype", row.opt("lc_ctype")?)
                .with_some("rules", row.opt("rules")?);
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "conversions",
        query: |_| {
            Some(format!(
                "select c.oid, n.nspname, c.conname, pg_get_userbyid(c.conowner) as owner, pg_encoding_to_char(c.conforencoding) as source,
                   pg_encoding_to_char(c.contoencoding) as target, c.conproc::regproc as function, c.condefault
                 from pg_conversion c join pg_namespace n on n.oid = c.connamespace where {USER_SCHEMAS}"
            ))
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::Conversion, [row.text("nspname")?, row.text("conname")?]))
                .at(class::CONVERSION, row.oid("oid")?, 0)
                .with("owner", row.text("owner")?)
                .with("from", row.text("source")?)
                .with("to", row.text("target")?)
                .with("function", row.text("function")?)
                .with_flag("default", row.flag("condefault")?);
            builder.add(object);
            Ok(())
        },
    },
];
