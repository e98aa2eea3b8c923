create type a1 as (x int); create type a2 as (y int);
create function c1(a1) returns a2 language sql as 'select row(1)::a2';
create cast (a1 as a2) with function c1(a1) as implicit;
create cast (a2 as text) with inout as assignment;
comment on cast (a1 as a2) is 'cc';
create view v as select (row(1)::a1)::a2 as z;
