-- server: 17
create table p (id int generated always as identity, a int) partition by range (a);
create table p1 partition of p for values from (0) to (10);
create table p2 partition of p for values from (10) to (20) partition by list (a);
create table p21 partition of p2 for values in (11);
create table q (id int not null, a int) partition by range (a);
create table q1 partition of q for values from (0) to (10);
create table d (id bigint generated always as identity (start 10), k int not null, s serial) partition by list (k);
create table d1 partition of d for values in (1);
create table d2 (id bigint not null, k int not null, s int not null default 0);
create table d3 (id bigint not null generated always as identity, k int not null, s int not null default 0);
