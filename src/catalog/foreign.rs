//! Foreign-data wrappers, servers and user mappings as objects. Foreign tables are tables.
//!
//! Options may hold secrets: they are read exactly, and masked where they are shown.

use super::{
    Kind, Object, ObjectId,
    reader::{Reader, class},
};

pub(super) const READERS: &[Reader] = &[
    Reader {
        what: "foreign-data wrappers",
        query: |_| {
            Some(
                "select w.oid, w.fdwname, pg_get_userbyid(w.fdwowner) as owner, nullif(w.fdwhandler, 0)::regproc as handler,
                   nullif(w.fdwvalidator, 0)::regproc as validator, to_json(w.fdwoptions) as options
                 from pg_foreign_data_wrapper w where w.oid >= 16384"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::ForeignDataWrapper, [row.text("fdwname")?]))
                .at(class::FOREIGN_DATA_WRAPPER, row.oid("oid")?, 0)
                .with("owner", row.text("owner")?)
                .with_some("handler", row.opt("handler")?)
                .with_some("validator", row.opt("validator")?)
                .with_list("options", row.list("options")?);
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "foreign servers",
        query: |_| {
            Some(
                "select s.oid, s.srvname, pg_get_userbyid(s.srvowner) as owner, w.fdwname, s.srvtype, s.srvversion,
                   to_json(s.srvoptions) as options
                 from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw where s.oid >= 16384"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            let object = Object::new(ObjectId::new(Kind::Server, [row.text("srvname")?]))
                .at(class::SERVER, row.oid("oid")?, 0)
                .with("owner", row.text("owner")?)
                .with("wrapper", row.text("fdwname")?)
                .with_some("type", row.opt("srvtype")?)
                .with_some("version", row.opt("srvversion")?)
                .with_list("options", row.list("options")?);
            builder.add(object);
            Ok(())
        },
    },
    Reader {
        what: "user mappings",
        // The view (`src/backend/catalog/system_views.sql`) leaves the options out where the reader has no right to see them.
        query: |_| {
            Some(
                "select m.umid as oid, m.srvname, m.usename, m.umuser, to_json(m.umoptions) as options,
                   not (r.rolsuper or m.umuser = 0 and pg_has_role(s.srvowner, 'usage')
                     or m.umuser = r.oid and (pg_has_role(s.srvowner, 'usage') or has_server_privilege(s.oid, 'usage'))) as unseen
                 from pg_user_mappings m join pg_foreign_server s on s.oid = m.srvid join pg_roles r on r.rolname = current_user"
                    .to_owned(),
            )
        },
        row: |row, builder| {
            let user = if row.oid("umuser")? == 0 { "PUBLIC" } else { row.text("usename")? };
            let mut object = Object::new(ObjectId::new(Kind::UserMapping, [row.text("srvname")?, user]))
                .at(class::USER_MAPPING, row.oid("oid")?, 0)
                .with_list("options", row.list("options")?);
            if row.flag("unseen")? {
                let what =
                    format!("options of user mapping {} (only superusers and the mapping's own role may read them)", object.id);
                object.hide("options");
                builder.leave(&what);
            }
            builder.add(object);
            Ok(())
        },
    },
];
