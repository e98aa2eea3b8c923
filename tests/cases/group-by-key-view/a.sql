create table t (id int primary key, v text);
create view v as select id, v, count(*) from t group by id;
