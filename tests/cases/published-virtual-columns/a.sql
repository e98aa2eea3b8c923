-- server: 18
create table t (a int primary key, v int generated always as (a + 1) virtual, w int generated always as (a * 2) virtual);
create table p (k int, v int generated always as (k) virtual) partition by list (k);
create table p1 partition of p for values in (1);
create publication one for table t (a) where (a > 0), p1;
create publication every for all tables;
create view tv as select v, w from t;
