create table q (id int primary key, up int references q) partition by range (id);
create table r (id int primary key, up int) partition by range (id);
create table r_2 partition of r for values from (1) to (10);
