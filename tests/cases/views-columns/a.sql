create table t (a int, b varchar(5), c numeric(5,2));
create view v as select a, b, c from t;
create view dep as select b from v where c > 0;
create materialized view m as select b from dep;
create view ins as select a from t;
