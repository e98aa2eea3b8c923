create schema s;
create type s.e as enum ('x');
create table s.t (id serial primary key, e s.e);
create view s.v as select * from s.t;
create table keep (id int references s.t, e s.e);
