-- server: 18
create function imm(int) returns int language sql immutable as 'select $1 * 2';
create table t (a int, b int generated always as (a + 1) stored, c int generated always as (a * 2) virtual, d int, e text generated always as (a::text || 'x') stored);
create index on t (b);
create view v as select a, b, c, d, e from t;
create statistics st on a, b from t;
create table u (a int, g int generated always as (imm(a)) stored, check (g > 0));
