create table t (a bigint, b text);
create function f1(bigint) returns bigint language sql stable as 'select a from t where a = $1';
create view v1 as select f1(a) as x from t;
create function f2() returns setof v1 language sql as 'select * from v1';
create view v2 as select * from f2();
create function f3(v2) returns bigint language sql as 'select $1.x';
create view v3 as select f3(v2) as y from v2;
create table h (r v2, a v3[]);
