create table p (id integer, k varchar(9), v integer) partition by list (k);
create table p1 partition of p for values in ('a');
create table p2 partition of p for values in ('b') partition by range (id);
create table p21 partition of p2 for values from (0) to (10);
create index old on p1 (v);
insert into p values (1, 'a', 1), (2, 'b', 2);
