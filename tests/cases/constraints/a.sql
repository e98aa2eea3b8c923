-- server: 15
-- (NULLS NOT DISTINCT)
create extension if not exists btree_gist;
create table r (id int primary key, a int, b int, unique (a, b));
create table t (id int, a int, b int, during int4range, room int,
  constraint pk primary key (id), constraint u unique (a), constraint c check (a > 0), constraint f foreign key (a, b) references r (a, b),
  constraint x exclude using gist (room with =, during with &&));
alter table t add constraint nv check (b > 0) not valid;
alter table t add constraint fnv foreign key (room) references r not valid;
