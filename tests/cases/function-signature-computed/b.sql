create function f(int, text default 'x') returns bigint language sql immutable as 'select $1::bigint';
create function g(bigint) returns boolean language sql immutable as 'select $1 > 0';
create table t (a int, b bigint generated always as (f(a)) stored);
create domain d as int default f(1) check (g(value));
create table td (d d, e d[]);
