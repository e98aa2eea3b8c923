-- server: 18
create table p (id int primary key);
create table t (a int, b int, constraint c1 check (a > 0), constraint c2 check (b > 0) not enforced no inherit, constraint c3 check (a <> b) not enforced, constraint f1 foreign key (a) references p, constraint f2 foreign key (b) references p not enforced, constraint f3 foreign key (a) references p deferrable not enforced);
alter table t add constraint nn not null a no inherit;
create table c () inherits (t);
