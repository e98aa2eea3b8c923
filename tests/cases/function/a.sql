-- server: 14
-- (bodies that are parsed)
create type pair as (x integer, y integer);
create function kept(a integer) returns integer language sql as 'select a';
create function body(a integer) returns integer language plpgsql as $$ begin return a + 1; end $$;
create function returns_other(a integer) returns integer language sql as 'select a';
create function renamed_argument(a integer) returns integer language sql as 'select a';
create function fewer_defaults(a integer, b integer default 2) returns integer language sql as 'select a + b';
create function more_defaults(a integer, b integer) returns integer language sql as 'select a + b';
create function attributes(a integer) returns setof integer language sql as 'select a';
create function attributes_back(a integer) returns setof integer language sql
  immutable strict leakproof security definer parallel safe cost 7 rows 3 set search_path = 'public', "A b" set work_mem = '8MB' as 'select a';
create function outs(a integer, out b integer, out c text) language sql as $$ select a, 'x' $$;
create function as_table() returns table (a integer, b text) language sql as $$ select 1, 'x' $$;
create function gone() returns pair language sql as 'select row(1, 2)::pair';
create function atomic(a integer) returns integer language sql begin atomic select a + 1; end;
create function helper() returns integer language sql immutable as 'select 1';
create table t (a integer default helper(), b integer check (b > helper()));
create index t_expression on t ((a + helper()));
create view v as select returns_other(1) as r, kept(2) as k;
comment on function returns_other(integer) is 'kept over the replacing';
create function "Odd name"("Arg one" "text"[], variadic b numeric[]) returns integer language plpgsql as 'begin return null; end';
