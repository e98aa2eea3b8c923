create table t (e int, a int, b bigint generated always as (a * 2) stored, d text generated always as ('x') stored not null);
create function f(int) returns int language sql immutable as 'select $1';
create table u (a int, b int generated always as (f(a)) stored, c int generated always as (a) stored);
create view v as select b from t;
create index i on t (b);
create table k () inherits (t);
insert into t (a) values (4);
insert into u (a) values (5);
