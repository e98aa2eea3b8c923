create table t (a int, b text);
create materialized view m1 as select a from t;
create unique index m1_a on m1 (a);
create materialized view m2 as select a from m1;
create view over as select * from m2;
