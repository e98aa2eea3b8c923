create type addr as (street text, zip int, gone bool);
create type used as (a int, b text);
create table t (u used);
