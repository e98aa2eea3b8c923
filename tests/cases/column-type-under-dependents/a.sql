-- server: 15
-- (security_invoker)
create table t (id int primary key, a int not null default 1, b varchar(20), c int generated always as (a * 2) stored, unique (a));
create table child (a int references t (a));
create view v1 as select a, b from t where a > 0;
create view v2 as select a + 1 as a1, b from v1;
create materialized view mv as select b, sum(a) as s from t group by b;
create index mv_b on mv (b);
create index t_expr on t ((a + 1)) where b = 'x';
alter view v1 alter column a set default 5;
create view v3 with (security_invoker = true) as select * from v2;
