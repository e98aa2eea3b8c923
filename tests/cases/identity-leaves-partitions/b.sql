-- server: 17
create table p (id int not null, a int) partition by range (a);
create table p1 partition of p for values from (0) to (10);
create table p2 (id int not null generated always as identity, a int);
create table q (id int generated always as identity, a int) partition by range (a);
create table q1 partition of q for values from (0) to (10);
create table q2 partition of q default;
