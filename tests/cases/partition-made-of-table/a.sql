create table t (id int not null, v text default 'x', at date not null, constraint t_pkey primary key (id));
create index t_v on t (v);
create view tv as select id, v from t;
insert into t values (1, 'a', '2024-05-05'), (2, 'b', '2025-05-05');
