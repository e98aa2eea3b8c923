create type ty as (a int, b text);
create table t of ty (primary key (a), b with options default 'x' not null);
create table u (a int, b text);
create view v as select * from t;
insert into t (a, b) values (1, 'x'); insert into u (a, b) values (2, 'y');
