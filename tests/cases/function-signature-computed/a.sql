-- A function with other arguments takes the place of one that a generated column of another type, and the default of a domain that is
-- made anew, are computed with.
create function f(int) returns int language sql immutable as 'select $1';
create function g(int) returns boolean language sql immutable as 'select $1 > 0';
create table t (a int, b int generated always as (f(a)) stored);
create domain d as int default f(1) check (g(value));
create table td (d d, e d[]);
