create sequence s1;
create sequence s2 as int increment by 2 minvalue 3 maxvalue 100 start 5 cache 7 cycle;
create sequence s3 increment by -1;
create table t (id int default nextval('s1'));
create table o (id int);
create sequence owned owned by o.id;
create sequence gone owned by o.id;
