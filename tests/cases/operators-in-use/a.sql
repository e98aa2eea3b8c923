-- server: 14
create function near(integer, integer) returns boolean language sql immutable as 'select abs($1 - $2) < 2';
create function same(integer, integer) returns boolean language sql immutable as 'select $1 = $2';
create operator ~~~ (function = near, leftarg = integer, rightarg = integer, commutator = ~~~);
create operator === (function = same, leftarg = integer, rightarg = integer);
create function plus_one(integer) returns integer language sql immutable as 'select $1 + 1';
create operator !+ (function = plus_one, rightarg = integer);
create table t (a integer check (a ~~~ 1), b integer default (!+ 1), c integer generated always as (!+ a) stored, d integer);
create index i on t ((!+ d)) where d === 1;
create view v as select a, !+ b as x from t where a ~~~ b;
alter table t enable row level security;
create policy p on t using (d === 1);
create function f(integer) returns boolean language sql begin atomic; select $1 === 3; end;
create trigger tr before update on t for each row when (old.a === new.a) execute function suppress_redundant_updates_trigger();
create rule r as on insert to t where new.a === 5 do instead nothing;
create statistics st on (!+ a), b from t;
create domain dom as integer check (value === 4);
