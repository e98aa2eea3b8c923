-- roles: reader
-- Privileges on columns of the system's own tables.
grant select (rolname) on pg_authid to reader;
