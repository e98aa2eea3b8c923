create table t (e int, a bigint, b bigint, d varchar(10) not null default 'x');
create table u (a int, b int, c numeric default 1);
create view v as select b from t;
create index i on t (b);
create table k () inherits (t);
insert into t (a, b) values (4, 8);
insert into u (a, b, c) values (5, 5, 5);
