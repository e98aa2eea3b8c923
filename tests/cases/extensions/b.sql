create schema ext;
create extension if not exists citext with schema ext;
create extension if not exists pg_trgm;
create table t (id int primary key, c ext.citext unique);
create table e (c text);
create index e_trgm on e using gin (c gin_trgm_ops);
