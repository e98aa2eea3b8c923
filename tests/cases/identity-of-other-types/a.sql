-- server: 18
create table t (a int default 1, b int generated always as (a * 2) stored, c serial, d int generated always as identity, e text collate "C", f int not null);
create view v as select a, b, c, d, e, f from t;
