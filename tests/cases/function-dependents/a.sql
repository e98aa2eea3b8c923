-- server: 15
-- (security_invoker)
-- roles: n2_owner n2_user
create function f(a integer) returns integer language sql immutable as 'select a';
create table t (a integer default f(1), b integer, c integer generated always as (f(b)) stored, constraint positive check (f(b) > 0));
create index t_f on t (f(a));
create view v with (security_invoker = on) as select f(a) as x from t;
create materialized view m as select x from v;
create index m_x on m (x);
alter table t enable row level security;
create policy p on t using (f(a) > 0);
create function trg() returns trigger language plpgsql as 'begin return new; end';
create trigger tr before insert on t for each row when (f(new.a) > 0) execute function trg();
create trigger on_view instead of insert on v for each row execute function trg();
comment on view v is 'a view';
comment on column v.x is 'its column';
comment on policy p on t is 'a policy';
comment on trigger tr on t is 'a trigger';
grant select on v to n2_user with grant option;
alter view v owner to n2_owner;
alter function f(integer) owner to n2_owner;
revoke all on function f(integer) from public;
grant execute on function f(integer) to n2_user;
