create table a (id int, v text);
create view b as select 1 as x;
create sequence c;
create materialized view d as select 1 as x;
create domain e as int;
