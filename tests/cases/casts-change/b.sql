create type a1 as (x int); create type a2 as (y int);
create function c1(a1) returns a2 language sql as 'select row(2)::a2';
create function c2(a2) returns text language sql as 'select 1::text';
create cast (a1 as a2) with function c1(a1);
create cast (a2 as text) with function c2(a2) as assignment;
create view v as select (row(1)::a1)::a2 as z, 1 as k;
