-- server: 18
create table p (id int primary key);
create table t (a int, b int, constraint c1 check (a > 0) not enforced, constraint c2 check (b > 0) no inherit, constraint c3 check (a <> b) not valid, constraint f1 foreign key (a) references p not enforced, constraint f2 foreign key (b) references p not valid, constraint f3 foreign key (a) references p deferrable initially deferred);
alter table t add constraint nn not null a not valid;
create table c () inherits (t);
