-- server: 14
create function first(anyarray) returns anyelement language sql immutable as 'select $1[1]';
create function pair(anyelement, anyelement, out l anyarray, out n integer) language sql as 'select array[$1, $2], 2';
create function number() returns bigint language internal window immutable strict as 'window_row_number';
create function like_one(text) returns bigint language internal immutable strict as 'textlen';
create function slow(integer, variadic text[] default '{}') returns setof integer language sql stable cost 5 rows 7 parallel safe set search_path to 'public' set work_mem to '1MB' as 'select 1';
create function tab(n integer) returns table (a integer, b text) language sql as $$ select 1, 'x' $$;
create function named(a integer, b text default 'x') returns text language plpgsql strict leakproof security definer as $f$ begin return $$a;$$ || b; end $f$;
create function was_procedure(integer) returns integer language sql as 'select 1';
create procedure both_ways(inout a integer, in b integer default 3) language plpgsql as 'begin a := b; end';
create function body(a integer) returns integer language sql begin atomic; select a; end;
create function twice(integer) returns integer language sql immutable return $1 * 2;
create table t (a integer, b integer generated always as (twice(a)) stored);
create view v as select number() over (order by a), first(array[a]) as f, body(a) as g from t;
create view w as select * from tab(1), slow(2);
