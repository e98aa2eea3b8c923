create table t (id int not null, a int, b int);
create unique index t_a_key on t (a);
alter table t add constraint t_b_key unique (b);
create unique index t_pkey on t (id);
