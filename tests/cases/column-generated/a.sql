create table t (a int, b int generated always as (a + 1) stored, c int generated always as (a + 2) stored, d int, e int);
create index t_c on t (c);
create view v as select b from t;
