create domain d as int constraint c1 check (value > 1);
alter domain d add constraint c2 check (value < 100);
alter domain d add constraint c3 check (value <> 50) not valid;
create table t (a d, b d[]); create type ct as (x d); create function f(d) returns d language sql as 'select $1';
create domain e as d not null constraint e1 check (value <> 3); create domain arr as bigint[] check (array_length(value, 1) < 4);
insert into t values (3, array[4, 5]::d[]);
