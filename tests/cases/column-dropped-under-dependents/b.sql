create table r (id int primary key);
create table t (id int primary key, a int references r, d text, unique (a));
create index t_ab on t (a);
create index t_d on t (d);
create view v as select id, d from t;
create view w as select id from v;
insert into t (id) values (1);
