create table r (id int primary key);
create table t (id int primary key, a int references r, b int check (b > 0), c int generated always as (b + 1) stored, d text, e text, unique (a, b));
create index t_ab on t (a, b);
create index t_d on t (d) where e is not null;
create view v as select id, d, e from t;
create view w as select id from v;
insert into t (id, b) values (1, 2);
