create table t (id int primary key, a bigint, g bigint generated always as (a * 3) stored not null, u text generated always as (lower(b)) stored unique, b varchar(10), z int, check (g > -1));
create index on t (g); create view v as select g, u from t; comment on column t.g is 'x'; create unique index on t (u) where g > 0;
grant select (g) on t to public;
create table pt (a bigint, g int generated always as (a + 1) stored, k int) partition by range (k);
create table pt1 partition of pt for values from (0) to (10);
insert into t (id, a, b) values (1, 5, 'Qq');
