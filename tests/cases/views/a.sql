create table t (a int, b text, c int);
create view v1 as select a, b from t;
create view v2 as select * from v1;
create view v3 as select count(*) as n from v2;
create view gone as select 1 as x;
create view opts with (security_barrier) as select a from t where a > 0 with local check option;
