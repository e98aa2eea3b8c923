create domain d as int not null default 5 constraint c1 check (value > 0);
alter domain d add constraint c2 check (value < 100) not valid;
create table t (a d, b d[]); create type ct as (x d); create function f(d) returns d language sql as 'select $1';
create domain e as d; create domain arr as int[] check (array_length(value, 1) < 3);
insert into t values (3, array[4, 5]::d[]);
