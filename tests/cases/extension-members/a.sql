-- roles: n2_user
create schema s;
create schema "S 2";
create extension hstore schema s;
create extension pg_trgm schema public;
grant execute on function s.hstore_in(cstring) to n2_user;
comment on function public.similarity(text, text) is 'mine';
revoke execute on function public.show_limit() from public;
create table t (h s.hstore);
grant select on pg_catalog.pg_authid to n2_user;
revoke execute on function pg_catalog.pg_sleep(double precision) from public;
