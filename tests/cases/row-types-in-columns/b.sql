create table t (a bigint, c date, b text);
create table u (r t, rs t[]);
create function f(t) returns t language sql as 'select $1';
create view v as select (r).a from u;
create type c as (x t, y t[]);
create domain dt as t check ((value).a > 0);
insert into u values (row(1, null, 'x'), null);
