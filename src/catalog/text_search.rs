//! Text search parsers, templates, dictionaries and configurations as objects.

use super::{
    Kind, Object, ObjectId,
    reader::{Reader, USER_SCHEMAS, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader {
        what: "text search parsers",
        query: |_| {
            Some(format!(
                "select p.oid, n.nspname, p.prsname, p.prsstart::regproc as \"START\", p.prstoken::regproc as \"GETTOKEN\",
                   p.prsend::regproc as \"END\", p.prslextype::regproc as \"LEXTYPES\", nullif(p.prsheadline, 0)::regproc as \"HEADLINE\"
                 from pg_ts_parser p join pg_namespace n on n.oid = p.prsnamespace where {USER_SCHEMAS}"
            ))
        },
        row: |row, builder| {
            let mut options = Vec::new();
            for word in ["START", "GETTOKEN", "END", "LEXTYPES", "HEADLINE"] {
                options.extend(row.opt(word)?.map(|function| format!("{word} = {function}")));
            }
            let object = Object::new(ObjectId::new(Kind::TextSearchParser, [row.text("nspname")?, row.text("prsname")?]))
                .at(class::TS_PARSER, row.oid("oid")?, 0)
                .with("options", options);
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "text search templates",
        query: |_| {
            Some(format!(
                "select t.oid, n.nspname, t.tmplname, nullif(t.tmplinit, 0)::regproc as \"INIT\", t.tmpllexize::regproc as \"LEXIZE\"
                 from pg_ts_template t join pg_namespace n on n.oid = t.tmplnamespace where {USER_SCHEMAS}"
            ))
        },
        row: |row, builder| {
            let mut options = Vec::new();
            for word in ["INIT", "LEXIZE"] {
                options.extend(row.opt(word)?.map(|function| format!("{word} = {function}")));
            }
            let object = Object::new(ObjectId::new(Kind::TextSearchTemplate, [row.text("nspname")?, row.text("tmplname")?]))
                .at(class::TS_TEMPLATE, row.oid("oid")?, 0)
                .with("options", options);
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "text search dictionaries",
        query: |_| {
            Some(format!(
                "select d.oid, n.nspname, d.dictname, pg_get_userbyid(d.dictowner) as owner, d.dictinitoption as options,
                   quote_ident(tn.nspname) || '.' || quote_ident(t.tmplname) as template
                 from pg_ts_dict d join pg_namespace n on n.oid = d.dictnamespace join pg_ts_template t on t.oid = d.dicttemplate
                   join pg_namespace tn on tn.oid = t.tmplnamespace where {USER_SCHEMAS}"
            ))
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::TextSearchDictionary, [row.text("nspname")?, row.text("dictname")?]))
                .at(class::TS_DICTIONARY, row.oid("oid")?, 0)
                .with("owner", row.text("owner")?)
                .with("template", row.text("template")?)
                .with_list("options", options(row.opt("options")?.unwrap_or_default()));
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "text search configurations",
        query: |_| {
            Some(format!(
                "select c.oid, n.nspname, c.cfgname, pg_get_userbyid(c.cfgowner) as owner,
                   quote_ident(pn.nspname) || '.' || quote_ident(p.prsname) as parser,
                   (select to_json(array_agg(m.token || ' ' || m.dicts order by m.token)) from (
                      select t.alias as token, string_agg(m.mapdict::regdictionary::text, ', ' order by m.mapseqno) as dicts
                      from pg_ts_config_map m join ts_token_type(c.cfgparser) t on t.tokid = m.maptokentype
                      where m.mapcfg = c.oid group by t.alias) m) as mappings
                 from pg_ts_config c join pg_namespace n on n.oid = c.cfgnamespace join pg_ts_parser p on p.oid = c.cfgparser
                   join pg_namespace pn on pn.oid = p.prsnamespace where {USER_SCHEMAS}"
            ))
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::TextSearchConfiguration, [row.text("nspname")?, row.text("cfgname")?]))
                .at(class::TS_CONFIGURATION, row.oid("oid")?, 0)
                .with("owner", row.text("owner")?)
                .with("parser", row.text("parser")?)
                .with_list("mappings", row.list("mappings")?);
            builder.add(object);
            Ok(())
        },
    },
];

/// `a = 'x', b = 'y, z'` as a list (`serialize_deflist` in tsearchcmds.c writes it).
fn options(text: &str) -> Vec<String> {
    let mut list = vec![String::new()];
    let mut quoted = None;
    for letter in text.chars() {
        match quoted {
            None if letter == ',' => {
                list.push(String::new());
                continue;
            }
            None if letter == '\'' || letter == '"' => quoted = Some(letter),
            Some(quote) if quote == letter => quoted = None,
            _ => {}
        }
        if let Some(last) = list.last_mut() {
            last.push(letter);
        }
    }
    list.into_iter().map(|option| option.trim().to_owned()).filter(|option| !option.is_empty()).collect()
}
