create table t (id int not null, v text default 'x', at date not null, constraint t_pkey primary key (id, at)) partition by range (at);
create table t_old partition of t for values from ('2024-01-01') to ('2025-01-01');
create table t_rest partition of t default;
create index t_v on t (v);
create view tv as select id, v from t;
insert into t values (1, 'a', '2024-05-05'), (2, 'b', '2025-05-05');
