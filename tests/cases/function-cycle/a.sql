create table base (a integer);
create view v as select a from base;
create function f() returns setof v language sql as 'select * from v';
create view w as select * from f();
