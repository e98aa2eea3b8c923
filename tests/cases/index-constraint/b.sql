create table t (id int not null, a int, b int);
alter table t add constraint t_a_key unique (a);
create unique index t_b_key on t (b);
alter table t add constraint t_pkey primary key (id);
