create table a (x int, y int); create table b (x int, z int); create table c (x int, w int);
create table m (k int) inherits (a, b, c);
create table n () inherits (m);
create index on m (x); create view v as select x from m;
insert into m (x, k) values (1, 10), (2, 20); insert into n (x, k) values (3, 30);
