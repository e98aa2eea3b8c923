-- server: 15
-- roles: n2_user
create table t (id integer primary key, a varchar(10), b integer);
insert into t values (1, 'x', 2);
alter table t enable row level security;
create policy p on t using (a = 'x' and b > 0);
create view v with (security_barrier = true) as select id, a from t where b > 1;
comment on view v is 'v';
grant select on v to n2_user;
create rule r as on insert to v do instead insert into t (a) values (new.a);
create function tf() returns trigger language plpgsql as 'begin return new; end';
create trigger tr before update of a on t for each row when (new.a <> 'x') execute function tf();
create function g(t) returns text language sql immutable as 'select ($1).a';
create statistics st on a, b from t;
create publication n2_pub for table t where (b > 1);
