-- server: 18
create table p (a int constraint a_nn not null, b int constraint other not null, c int);
create table c1 (d int) inherits (p);
alter table p add constraint c_nn not null c;
create table q (x int constraint q_xx not null, y int not null no inherit);
create table r (id int primary key, z int);
alter table r add constraint zz not null z no inherit;
create table pt (a int not null, b int) partition by range (a);
create table pt1 partition of pt (constraint b1 not null b) for values from (0) to (10);
create table pt2 (a int not null, b int);
alter table pt attach partition pt2 for values from (10) to (20);
create table np (a int constraint pn not null);
create table nc (a int constraint own2 not null, d int constraint dn not null) inherits (np);
comment on constraint dn on nc is 'dn';
