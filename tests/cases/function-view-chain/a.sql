create table t (id int, v text);
create function base() returns setof t language sql as 'select * from t';
create view v as select * from base();
