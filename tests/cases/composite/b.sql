create type addr as (street varchar(40), zip int, country text collate "C");
create type used as (a bigint, b text);
create table t (u used);
create type fresh as (x addr, y int[]);
