-- A partitioned table that looks up its own rows goes, and its foreign key hangs on each of its partitions.
create table p (id bigint not null primary key, parent bigint, constraint above foreign key (parent) references p (id)) partition by list (id);
create table p_1 (id bigint not null, parent bigint);
alter table p attach partition p_1 for values in (1);
create table p_2 partition of p for values in (2, 3) partition by range (id);
create table p_3 partition of p_2 for values from (2) to (3);
create table q (id int primary key, up int references q) partition by range (id);
create table q_1 partition of q for values from (1) to (10);
create table r (id int primary key, up int) partition by range (id);
create table r_1 partition of r for values from (1) to (10);
alter table r add constraint up foreign key (up) references r;
