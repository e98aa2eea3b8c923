create table a (x bigint, y int, added text default 'q' not null); create table b (x bigint); create table c (x bigint, w int check (w > 0));
create table m (k int) inherits (a, b, c);
create table n () inherits (m);
create index on m (x); create view v as select x from m;
insert into m (x, k) values (1, 10), (2, 20); insert into n (x, k) values (3, 30);
