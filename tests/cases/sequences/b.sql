create sequence s1 as smallint;
create sequence s2 as int increment by 3 minvalue 4 start 5;
create sequence s3 increment by -2 minvalue -100 maxvalue 10;
create sequence s4 start 100;
create table t (id int default nextval('s4'), x serial);
create table o (id int, other int);
create sequence owned owned by o.other;
