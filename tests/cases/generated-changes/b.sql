-- server: 18
create function imm(int) returns bigint language sql immutable as 'select $1::bigint * 2';
create table t (a int, b int generated always as (a + 1) virtual, c int generated always as (a * 2) stored, d int generated always as (a - 1) virtual, e text);
create index on t (c);
create view v as select a, b, c, d, e from t;
create statistics st on a, c from t;
create table u (a int, g bigint generated always as (imm(a)) stored, check (g > 0));
