create table t (a bigint, b text);
create table log (a bigint);
create view v as select a from t;
create rule kept as on insert to v do instead insert into t values (new.a);
create rule changed as on delete to t do also insert into log values (old.a + 1);
create rule made as on insert to t do also insert into log values (new.a);
alter table t disable rule made;
comment on rule changed on t is 'logs';
