create table t (id int, v text, w int);
create function base() returns setof t language sql as 'select * from t';
create view v as select id, w from base();
create function over() returns setof v language sql as 'select * from v';
