create table t (a int, b int generated always as (a + 10) stored, c int, d int generated always as (a * 2) stored, e int default 5);
create index t_c on t (c);
create view v as select b from t;
