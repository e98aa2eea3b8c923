//! Operators, operator families and classes, and casts as objects.
//!
//! What belongs to a class (its operators and support functions) is the class's; what was added to a family by itself is the family's.

use super::{
    Kind, Object, ObjectId,
    reader::{Builder, CatalogError, Reader, Row, USER_SCHEMAS, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader { what: "operators", query: |_| Some(operators()), row: operator },
    Reader { what: "operator families", query: |_| Some(families()), row: family },
    Reader { what: "operator classes", query: |_| Some(classes()), row: operator_class },
    Reader { what: "members of operator classes", query: |_| Some(members()), row: member },
    Reader { what: "casts", query: |_| Some(casts()), row: cast },
];

fn operators() -> String {
    let other = |column: &'static str| {
        format!(
            "(select 'OPERATOR(' || quote_ident(xn.nspname) || '.' || x.oprname || ')' from pg_operator x
              join pg_namespace xn on xn.oid = x.oprnamespace where x.oid = o.{column})"
        )
    };
    format!(
        "select o.oid, n.nspname, o.oprname, quote_ident(n.nspname) || '.' || o.oprname as name, pg_get_userbyid(o.oprowner) as owner, o.oprcode <> 0 as defined,
           case when o.oprleft <> 0 then format_type(o.oprleft, null) end as left,
           case when o.oprright <> 0 then format_type(o.oprright, null) end as right, o.oprcode::regproc as function,
           {} as commutator, {} as negator, nullif(o.oprrest, 0)::regproc as restrict, nullif(o.oprjoin, 0)::regproc as join,
           o.oprcanhash, o.oprcanmerge
         from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where {USER_SCHEMAS}",
        other("oprcom"),
        other("oprnegate")
    )
}

fn operator(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let oid = row.oid("oid")?;
    if !row.flag("defined")? {
        // A name that another operator gave as its commutator or negator, and that nobody defined.
        builder.ignore(class::OPERATOR, oid);
        return Ok(());
    }
    let (left, right) = (row.opt("left")?, row.opt("right")?);
    let types = format!("({}, {})", left.unwrap_or("NONE"), right.unwrap_or("NONE"));
    let object =
        Object::new(ObjectId::new(Kind::Operator, [row.text("nspname")?.to_owned(), format!("{}{types}", row.text("oprname")?)]))
            .at(class::OPERATOR, oid, 0)
            .with("owner", row.text("owner")?)
            .with("function", row.text("function")?)
            .with_some("commutator", row.opt("commutator")?)
            .with_some("negator", row.opt("negator")?)
            .with_some("restrict", row.opt("restrict")?)
            .with_some("join", row.opt("join")?)
            .with_flag("hashes", row.flag("oprcanhash")?)
            .with_flag("merges", row.flag("oprcanmerge")?)
            .detail("name", row.text("name")?)
            .detail("left", left.unwrap_or_default())
            .detail("right", right.unwrap_or_default())
            .detail("sql", format!("{} {types}", row.text("name")?));
    builder.add(object);
    Ok(())
}

fn families() -> String {
    format!(
        "select f.oid, n.nspname, f.opfname, a.amname, pg_get_userbyid(f.opfowner) as owner,
           quote_ident(n.nspname) || '.' || quote_ident(f.opfname) || ' USING ' || quote_ident(a.amname) as sql
         from pg_opfamily f join pg_namespace n on n.oid = f.opfnamespace join pg_am a on a.oid = f.opfmethod where {USER_SCHEMAS}"
    )
}

fn family(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let name = format!("{} USING {}", row.text("opfname")?, row.text("amname")?);
    let object = Object::new(ObjectId::new(Kind::OperatorFamily, [row.text("nspname")?.to_owned(), name]))
        .at(class::OPFAMILY, row.oid("oid")?, 0)
        .with("owner", row.text("owner")?)
        .detail("sql", row.text("sql")?);
    builder.add(object);
    Ok(())
}

fn classes() -> String {
    format!(
        "select c.oid, n.nspname, c.opcname, a.amname, pg_get_userbyid(c.opcowner) as owner, c.opcdefault,
           quote_ident(n.nspname) || '.' || quote_ident(c.opcname) as name, quote_ident(a.amname) as method,
           quote_ident(fn.nspname) || '.' || quote_ident(f.opfname) as family, format_type(c.opcintype, null) as type,
           case when c.opckeytype <> 0 then format_type(c.opckeytype, null) end as storage
         from pg_opclass c join pg_namespace n on n.oid = c.opcnamespace join pg_am a on a.oid = c.opcmethod
           join pg_opfamily f on f.oid = c.opcfamily join pg_namespace fn on fn.oid = f.opfnamespace where {USER_SCHEMAS}"
    )
}

fn operator_class(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let name = format!("{} USING {}", row.text("opcname")?, row.text("amname")?);
    let object = Object::new(ObjectId::new(Kind::OperatorClass, [row.text("nspname")?.to_owned(), name]))
        .at(class::OPCLASS, row.oid("oid")?, 0)
        .with("owner", row.text("owner")?)
        .with("type", row.text("type")?)
        .with("family", row.text("family")?)
        .with_flag("default", row.flag("opcdefault")?)
        .with_some("storage", row.opt("storage")?)
        .detail("method", row.text("method")?)
        .detail("sql", format!("{} USING {}", row.text("name")?, row.text("method")?));
    builder.add(object);
    Ok(())
}

fn members() -> String {
    "select 'o' as what, o.oid, o.amopfamily as family, d.refobjid as opclass, o.amopstrategy as number,
       '(' || format_type(o.amoplefttype, null) || ', ' || format_type(o.amoprighttype, null) || ')' as types,
       o.amopopr::regoperator::text as member,
       (select quote_ident(fn.nspname) || '.' || quote_ident(f.opfname) from pg_opfamily f join pg_namespace fn on fn.oid = f.opfnamespace
        where f.oid = o.amopsortfamily) as sort
     from pg_amop o left join pg_depend d on d.classid = 'pg_amop'::regclass and d.objid = o.oid and d.refclassid = 'pg_opclass'::regclass
     where o.oid >= 16384
     union all
     select 'f', p.oid, p.amprocfamily, d.refobjid, p.amprocnum,
       '(' || format_type(p.amproclefttype, null) || ', ' || format_type(p.amprocrighttype, null) || ')', p.amproc::regprocedure::text, null
     from pg_amproc p left join pg_depend d on d.classid = 'pg_amproc'::regclass and d.objid = p.oid and d.refclassid = 'pg_opclass'::regclass
     where p.oid >= 16384
     order by what desc, number, types, member"
        .to_owned()
}

fn member(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let operator = row.text("what")? == "o";
    let (class, oid) = (if operator { class::AMOP } else { class::AMPROC }, row.oid("oid")?);
    let opclass = row.oid("opclass")?;
    let whole =
        if opclass == 0 { builder.id(class::OPFAMILY, row.oid("family")?, 0) } else { builder.id(class::OPCLASS, opclass, 0) };
    let Some(whole) = whole.cloned() else {
        builder.ignore(class, oid);
        return Ok(());
    };
    let (number, types, member) = (row.text("number")?, row.text("types")?, row.text("member")?);
    let text = if operator {
        let sort = row.opt("sort")?.map(|family| format!(" FOR ORDER BY {family}")).unwrap_or_default();
        // `regoperator` prints `schema.op(left,right)`: exactly what is read back.
        format!("OPERATOR {number} {member}{sort}")
    } else {
        format!("FUNCTION {number} {types} {member}")
    };
    builder.alias(class, oid, 0, whole.clone());
    if let Some(object) = builder.get_mut(&whole) {
        let mut list = object.list("members").to_vec();
        list.push(text);
        object.attributes.insert("members", list.into());
        if opclass == 0 {
            // How ALTER OPERATOR FAMILY ... DROP names it.
            let mut places = object.list("places").to_vec();
            places.push(format!("{} {number} {types}", if operator { "OPERATOR" } else { "FUNCTION" }));
            object.details.insert("places", places.into());
        }
    }
    Ok(())
}

fn casts() -> String {
    "select c.oid, format_type(c.castsource, null) as source, format_type(c.casttarget, null) as target, c.castcontext, c.castmethod,
       case when c.castfunc <> 0 then c.castfunc::regprocedure end as function
     from pg_cast c where c.oid >= 16384"
        .to_owned()
}

fn cast(row: &Row<'_>, builder: &mut Builder) -> Result<(), CatalogError> {
    let name = format!("{} AS {}", row.text("source")?, row.text("target")?);
    let how = match (row.text("castmethod")?, row.opt("function")?) {
        ("i", _) => "WITH INOUT".to_owned(),
        ("f", Some(function)) => format!("WITH FUNCTION {function}"),
        _ => "WITHOUT FUNCTION".to_owned(),
    };
    let context = match row.text("castcontext")? {
        "a" => " AS ASSIGNMENT",
        "i" => " AS IMPLICIT",
        _ => "",
    };
    let object = Object::new(ObjectId::new(Kind::Cast, [name.clone()]))
        .at(class::CAST, row.oid("oid")?, 0)
        .with("definition", format!("{how}{context}"))
        .detail("sql", format!("({name})"));
    builder.add(object);
    Ok(())
}
