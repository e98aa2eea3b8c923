-- server: 14
create schema x;
create extension hstore schema x version '1.7';
create table t (id int primary key, h x.hstore default 'a=>1', hs x.hstore[], g text generated always as (h operator(x.->) 'a') stored);
create index i on t using gin (h);
create view v as select h operator(x.->) 'a' as a from t;
insert into t (id, h, hs) values (1, 'a=>2', array['b=>3'::x.hstore, null]), (2, null, null);
