-- server: 18
create table a (id int generated always as identity, g int generated always as (1) stored, d int default 5); create table b () inherits (a); create table c (g int generated always as (2) stored) inherits (a);
