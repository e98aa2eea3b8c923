create schema a; create schema b;
create table a.p (id bigint, k int, primary key (id)) partition by range (id); create table a.p1 partition of a.p for values from (0) to (5);
create table b.p (id bigint, k int, primary key (id)) partition by range (id); create table b.p1 partition of b.p for values from (0) to (5);
create table a.i (x bigint); create table a.j (x bigint, y int) inherits (a.i); create table b.i (x bigint); create table b.j (x bigint, y int) inherits (b.i);
create sequence a.s; create sequence b.s; alter table a.p alter k set default nextval('a.s'); alter table b.p alter k set default nextval('b.s');
insert into a.p values (1, 2); insert into b.p values (2, 3);
