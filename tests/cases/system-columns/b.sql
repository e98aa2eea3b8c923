grant select (rolsuper, rolcanlogin) on pg_authid to reader;
grant select (rolname) on pg_authid to public;
grant select (prosrc) on pg_proc to reader with grant option;
