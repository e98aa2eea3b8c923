create type c as (a int, z int, b text);
create function f(c) returns int language sql as 'select 1';
create type n as (b int, a int);
create table tn (v n);
