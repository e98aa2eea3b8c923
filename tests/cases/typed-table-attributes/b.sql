create type ty as (a int, b text, c date);
create table t (a int primary key, b text default 'x' not null);
create table u of ty;
create view v as select * from t;
insert into t (a, b) values (1, 'x'); insert into u (a, b) values (2, 'y');
