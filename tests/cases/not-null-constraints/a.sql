-- server: 18
create table p (a int constraint a_nn not null no inherit, b int not null, c int);
create table c1 (d int constraint dn not null) inherits (p);
alter table p add constraint c_nn not null c not valid;
create table q (x int constraint q_x not null, y int);
comment on constraint q_x on q is 'nn';
create table r (id int primary key, z int);
alter table r add constraint zz not null z;
create table pt (a int, b int not null) partition by range (a);
create table pt1 partition of pt (constraint b1 not null b) for values from (0) to (10);
create table pt2 (a int, b int constraint pt2b not null);
alter table pt attach partition pt2 for values from (10) to (20);
create table np (a int constraint pn not null no inherit);
create table nc (a int constraint own not null, d int) inherits (np);
comment on constraint own on nc is 'own';
