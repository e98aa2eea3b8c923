create table t (a int);
create view v as select a from t;
comment on view v is 'v';
comment on column v.a is 'a';
