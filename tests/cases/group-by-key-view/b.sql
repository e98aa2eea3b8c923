create table t (id int, v text, constraint other_name primary key (id));
create view v as select id, v, count(*) from t group by id;
