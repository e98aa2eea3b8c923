create table t (a int, b int);
create view v as select a, b from t;
create view w as select b from t;
comment on view v is 'v';
comment on column v.a is 'a';
