create table t (a int, b text, c int);
create view v1 as select a, b, c from t;
create view v2 as select b, a from v1;
create view v3 as select count(*) as n from v2;
create view opts as select a from t where a > 1 with cascaded check option;
create recursive view nums (n) as select 1 union all select n + 1 from nums where n < 10;
