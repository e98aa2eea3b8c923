create table t (a int, b varchar(50), c numeric(7,2), d int default 4);
create view v as select a, b, c, d from t;
create view dep as select b from v where c > 0;
create materialized view m as select b from dep;
create view ins as select a, d from t;
alter view ins alter d set default 3;
