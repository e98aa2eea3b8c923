create table t (a int, b text);
create materialized view m1 with (fillfactor = 70) as select a, b from t;
create unique index m1_a on m1 (a);
create index m1_b on m1 (b);
alter materialized view m1 alter column b set statistics 50;
alter materialized view m1 cluster on m1_a;
create materialized view m2 as select a from m1 with no data;
create view over as select * from m2;
