create type person as (name text, age int);
create table people of person (name with options not null, primary key (name), age with options default 3);
create table more of person;
