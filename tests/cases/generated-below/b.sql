-- server: 18
create table a (id int, g int generated always as (3) stored, d int default 6); create table b (d int default 7) inherits (a); create table c (g int generated always as (4) stored) inherits (a);
