-- server: 14
create schema y;
create extension hstore schema y version '1.8';
create table t (id int primary key, h y.hstore default 'a=>1', hs y.hstore[], g text generated always as (h operator(y.->) 'a') stored);
create index i on t using gist (h);
create view v as select h operator(y.->) 'a' as a from t;
insert into t (id, h, hs) values (1, 'a=>2', array['b=>3'::y.hstore, null]), (2, null, null);
