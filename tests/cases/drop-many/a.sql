create table a (id serial primary key);
create table b (id int references a, u int unique);
create view v as select a.id from a join b using (id);
create type t1 as enum ('x');
create table c (t t1, b_u int references b (u));
create index on c (t);
