//! Functions, window functions, procedures and aggregates as objects.
//!
//! What a body written as a string refers to is not read: Postgres itself does not know it.

use super::{
    Kind, Object, ObjectId,
    reader::{Builder, CatalogError, Reader, Row, USER_SCHEMAS, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader { what: "functions and procedures", query: |version| Some(routines(version)), row: routine },
    Reader { what: "aggregates", query: |_| Some(aggregates()), row: aggregate },
];

/// `quote_ident(schema).quote_ident(name)` of `p` in `n`.
const NAME: &str = "quote_ident(n.nspname) || '.' || quote_ident(p.proname)";

/// Types of the arguments that tell routines of one name apart.
const TYPES: &str = "(select coalesce(string_agg(format_type(u.t, null), ', ' order by u.o), '')
           from unnest(p.proargtypes::oid[]) with ordinality u(t, o))";

fn routines(version: u32) -> String {
    let atomic = if version >= 140_000 { "p.prosqlbody is not null" } else { "false" };
    format!(
        "select p.oid, n.nspname, p.proname, p.prokind, pg_get_userbyid(p.proowner) as owner, l.lanname, {NAME} as name, {TYPES} as types,
           pg_get_function_identity_arguments(p.oid) as identity, pg_get_function_result(p.oid) as result,
           pg_get_functiondef(p.oid) as definition, to_json(p.proargnames) as names, to_json(p.proargmodes::text[]) as modes,
           (select to_json(array_agg(format_type(u.t, null) order by u.o)) from unnest(p.proallargtypes) with ordinality u(t, o)) as all_types,
           p.pronargdefaults, p.proretset, {atomic} as atomic
         from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
         where p.prokind <> 'a' and {USER_SCHEMAS}
           and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = p.oid and e.deptype = 'e')"
    )
}

fn id(kind: Kind, row: &Row<'_>) -> Result<ObjectId, CatalogError> {
    Ok(ObjectId::new(kind, [row.text("nspname")?.to_owned(), format!("{}({})", row.text("proname")?, row.text("types")?)]))
}

fn routine(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let prokind = row.text("prokind")?;
    let kind = if prokind == "p" { Kind::Procedure } else { Kind::Function };
    let language = row.text("lanname")?;
    // Names of input arguments (modes i, b, v; without modes all are input) may be given later; all others make the row type.
    let names = row.list("names")?;
    let modes = row.list("modes")?;
    let input = |at: usize| modes.get(at).is_none_or(|mode| matches!(mode.as_str(), "i" | "b" | "v"));
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for (at, name) in names.iter().enumerate() {
        if input(at) { inputs.push(name.clone()) } else { outputs.push(name.clone()) }
    }
    let object = Object::new(id(kind, row)?)
        .at(class::PROC, row.oid("oid")?, 0)
        .with("owner", row.text("owner")?)
        .with("definition", row.text("definition")?.trim_end())
        .detail("sql", format!("{}({})", row.text("name")?, row.text("identity")?))
        .detail("result", row.opt("result")?.unwrap_or_default())
        .detail("window", prokind == "w")
        .detail("input_names", inputs)
        .detail("output_names", outputs)
        .detail("modes", modes)
        .detail("all_types", row.list("all_types")?)
        .detail("defaults", row.integer("pronargdefaults")?.unwrap_or_default())
        .detail("unchecked", !row.flag("atomic")? && !matches!(language, "c" | "internal"));
    builder.add(object);
    Ok(())
}

fn aggregates() -> String {
    format!(
        "select p.oid, n.nspname, p.proname, pg_get_userbyid(p.proowner) as owner, {NAME} as name, {TYPES} as types,
           pg_get_function_identity_arguments(p.oid) as identity, pg_get_function_arguments(p.oid) as arguments,
           pg_get_function_result(p.oid) as result, p.proparallel, a.aggkind, a.aggtransfn::regproc, format_type(a.aggtranstype, null) as stype,
           nullif(a.aggtransspace, 0) as sspace, nullif(a.aggfinalfn, 0)::regproc as finalfunc, a.aggfinalextra, a.aggfinalmodify,
           nullif(a.aggcombinefn, 0)::regproc as combinefunc, nullif(a.aggserialfn, 0)::regproc as serialfunc,
           nullif(a.aggdeserialfn, 0)::regproc as deserialfunc, a.agginitval, nullif(a.aggmtransfn, 0)::regproc as msfunc,
           nullif(a.aggminvtransfn, 0)::regproc as minvfunc, case when a.aggmtransfn <> 0 then format_type(a.aggmtranstype, null) end as mstype,
           nullif(a.aggmtransspace, 0) as msspace, nullif(a.aggmfinalfn, 0)::regproc as mfinalfunc, a.aggmfinalextra, a.aggmfinalmodify,
           a.aggminitval, case when o.oid is not null then 'OPERATOR(' || quote_ident(onn.nspname) || '.' || o.oprname || ')' end as sortop,
           case a.aggkind when 'n' then 'r' else 'w' end as usual_modify
         from pg_aggregate a join pg_proc p on p.oid = a.aggfnoid join pg_namespace n on n.oid = p.pronamespace
           left join pg_operator o on o.oid = a.aggsortop left join pg_namespace onn on onn.oid = o.oprnamespace
         where {USER_SCHEMAS}"
    )
}

fn aggregate(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let star = |arguments: &str| if arguments.is_empty() { "*".to_owned() } else { arguments.to_owned() };
    let literal = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let modify = |letter: &str| match letter {
        "r" => "READ_ONLY",
        "s" => "SHAREABLE",
        _ => "READ_WRITE",
    };
    let usual = row.text("usual_modify")?;
    let mut options = vec![format!("SFUNC = {}", row.text("aggtransfn")?), format!("STYPE = {}", row.text("stype")?)];
    let mut give = |word: &str, value: Option<String>| options.extend(value.map(|value| format!("{word} = {value}")));
    let text = |column: &'static str| Ok::<_, CatalogError>(row.opt(column)?.map(str::to_owned));
    give("SSPACE", text("sspace")?);
    give("FINALFUNC", text("finalfunc")?);
    if row.opt("finalfunc")?.is_some() && row.text("aggfinalmodify")? != usual {
        give("FINALFUNC_MODIFY", Some(modify(row.text("aggfinalmodify")?).to_owned()));
    }
    give("COMBINEFUNC", text("combinefunc")?);
    give("SERIALFUNC", text("serialfunc")?);
    give("DESERIALFUNC", text("deserialfunc")?);
    give("INITCOND", row.opt("agginitval")?.map(literal));
    give("MSFUNC", text("msfunc")?);
    give("MINVFUNC", text("minvfunc")?);
    give("MSTYPE", text("mstype")?);
    give("MSSPACE", text("msspace")?);
    give("MFINALFUNC", text("mfinalfunc")?);
    if row.opt("mfinalfunc")?.is_some() && row.text("aggmfinalmodify")? != usual {
        give("MFINALFUNC_MODIFY", Some(modify(row.text("aggmfinalmodify")?).to_owned()));
    }
    give("MINITCOND", row.opt("aggminitval")?.map(literal));
    give("SORTOP", text("sortop")?);
    give(
        "PARALLEL",
        match row.text("proparallel")? {
            "s" => Some("SAFE".to_owned()),
            "r" => Some("RESTRICTED".to_owned()),
            _ => None,
        },
    );
    for (column, word) in [("aggfinalextra", "FINALFUNC_EXTRA"), ("aggmfinalextra", "MFINALFUNC_EXTRA")] {
        if row.flag(column)? {
            options.push(word.to_owned());
        }
    }
    if row.text("aggkind")? == "h" {
        options.push("HYPOTHETICAL".to_owned());
    }
    let name = row.text("name")?;
    let object = Object::new(id(Kind::Aggregate, row)?)
        .at(class::PROC, row.oid("oid")?, 0)
        .with("owner", row.text("owner")?)
        .with("arguments", star(row.text("arguments")?))
        .with("options", options)
        .detail("name", name)
        .detail("kind", row.text("aggkind")?)
        .detail("result", row.opt("result")?.unwrap_or_default())
        .detail("signature", format!("{name}({})", row.text("types")?))
        .detail("sql", format!("{name}({})", star(row.text("identity")?)));
    builder.add(object);
    Ok(())
}
