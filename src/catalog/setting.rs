//! Settings of the database (`ALTER DATABASE ... SET`), and of roles in it, as objects.

use super::{Kind, Object, ObjectId, reader::Reader};

pub(super) const READERS: &[Reader] = &[Reader {
    what: "settings of the database",
    query: |_| {
        Some(
            "select case when s.setrole <> 0 then pg_get_userbyid(s.setrole) end as role, split_part(c, '=', 1) as name,
               substr(c, strpos(c, '=') + 1) as value
             from pg_db_role_setting s, unnest(s.setconfig) c
             where s.setdatabase = (select oid from pg_database where datname = current_database())"
                .to_owned(),
        )
    },
    row: |row, builder| {
        let name = row.text("name")?;
        let role = row.opt("role")?;
        let path: Vec<&str> = role.into_iter().chain([name]).collect();
        let mut object = Object::new(ObjectId::new(Kind::Setting, path))
            .part_of(ObjectId::new(Kind::Database, ["database"]))
            .with("value", row.text("value")?)
            .detail("name", name);
        if let Some(role) = role {
            object = object.detail("role", role);
        }
        builder.add(object);
        Ok(())
    },
}];
