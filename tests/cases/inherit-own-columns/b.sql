create table p (a int, b text); create table c (z int) inherits (p); create table d () inherits (c);
create table p2 (a int, b text); create table c2 (a int, b text) inherits (p2);
insert into c (a, b, z) values (1, 'x', 2); insert into d (a, z) values (3, 4);
