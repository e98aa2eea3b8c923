create table a (id int, v text not null, constraint positive check (id > 0));
create table b (id int, v text not null, w int, constraint positive check (id > 0));
alter table b inherit a;
create table c (id int, v text not null);
insert into b values (1, 'x', 2);
