-- roles: n2_user
create schema s;
create schema "S 2";
create extension hstore schema "S 2";
create extension pg_trgm schema public;
create extension citext schema s;
comment on type public.gtrgm is 'theirs';
revoke execute on function public.similarity(text, text) from public;
grant usage on type s.citext to n2_user;
create table t (h "S 2".hstore, c s.citext);
grant execute on function pg_catalog.pg_reload_conf() to n2_user;
