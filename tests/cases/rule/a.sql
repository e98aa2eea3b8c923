create table t (a integer, b text);
create table log (a integer);
create view v as select a from t;
create rule kept as on insert to v do instead insert into t values (new.a);
create rule changed as on delete to t do also insert into log values (old.a);
create rule gone as on update to t where new.a > 1 do instead nothing;
comment on rule changed on t is 'logs';
