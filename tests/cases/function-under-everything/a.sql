-- server: 15
create function k(a int) returns int language sql immutable as 'select a';
create function pol(n text) returns boolean language sql stable as 'select true';
create table t (a int, b text, constraint ck check (k(a) > 0), g int generated always as (k(a)) stored, d int default k(3));
create index ix on t (k(a)) where k(a) > 1;
create policy p on t using (pol(b)) with check (k(a) > 0);
create view v as select k(a) as ka from t where pol(b);
create statistics s on (k(a)), a from t;
create trigger tr before update on t for each row when (k(new.a) > 3) execute function suppress_redundant_updates_trigger();
create domain dm as int check (k(value) > 0) default k(4);
create aggregate ag (int) (sfunc = int4pl, stype = int, finalfunc = k);
create operator @@@ (rightarg = int, function = k);
create table lg (a int); create rule ru as on update to t where k(new.a) > 1 do also insert into lg values (1);
create materialized view mv as select k(1) as x;
create publication pb for table t where (a > 1);
