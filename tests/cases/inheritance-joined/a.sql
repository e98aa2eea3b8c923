create table a (id int, v text not null);
create table b (id int, v text not null, w int);
create table c (id int) inherits (a);
insert into b values (1, 'x', 2);
