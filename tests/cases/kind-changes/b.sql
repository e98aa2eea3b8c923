create view a as select 1 as id;
create table b (x int);
create view c as select 2 as y;
create table d (x int);
create type e as enum ('x');
