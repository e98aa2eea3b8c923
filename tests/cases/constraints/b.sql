create extension if not exists btree_gist;
create table r (id int primary key, a int, b int, unique (a, b));
create table t (id int, a int, b int, during int4range, room int,
  constraint pk primary key (id) include (b) with (fillfactor = 60), constraint u unique nulls not distinct (a) deferrable initially deferred, constraint c check (a > 1) no inherit,
  constraint f foreign key (a, b) references r (a, b) on delete set null (b) on update cascade deferrable,
  constraint x exclude using gist (room with =, during with &&) where (room > 0) deferrable);
alter table t add constraint nv check (b > 0);
alter table t add constraint fnv foreign key (room) references r deferrable initially deferred;
alter table t add constraint late check (a < 100) not valid;
