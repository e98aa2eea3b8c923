create type e as enum ('a', 'b', 'c');
create table t (id int primary key, x e not null default 'a', y e generated always as (case when id > 0 then 'a'::e else 'b'::e end) stored, unique (x));
create table u (x e references t (x));
create table p (x e, k int) partition by range (k);
create table p1 partition of p for values from (1) to (2);
create view v1 as select x::text as x from t; create view v2 as select * from v1;
insert into t (id, x) values (1, 'b');
