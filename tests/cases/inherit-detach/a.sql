create table a (id int, v text);
create table b (id int, v text);
alter table b inherit a;
