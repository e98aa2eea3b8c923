create table t (id int primary key, a bigint);
create function f(bigint) returns int language sql immutable as 'select $1::int';
create table g (id int, v int default f(1), constraint c check (f(v) > 0));
create view v as select id, f(a) from t;
create type e as enum ('b');
create function takes(x e) returns e language sql as 'select x';
create view ve as select takes('b'::e);
create policy p on t using (a > 0);
create trigger tr before update of a on t for each row when (old.a is distinct from new.a) execute function suppress_redundant_updates_trigger();
