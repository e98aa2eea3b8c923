create table base (a integer, b text);
create view v as select b, a from base;
create function f() returns setof v language sql as 'select * from v';
create view w as select * from f();
create function g(w) returns integer language sql as 'select 1';
create view x as select g(w) as g from w;
