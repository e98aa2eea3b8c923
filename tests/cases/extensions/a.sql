create extension if not exists hstore;
create table t (id int primary key, h hstore);
create table e (c text);
