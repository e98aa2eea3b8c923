-- roles: n2_user n2_other n2_owner
create table u (id integer primary key, tenant integer);
create table t (id integer, tenant integer, owner_name name default current_user);
create function mine(integer) returns boolean language sql stable as 'select exists (select from u where u.tenant = $1)';
create function my_tenant() returns integer language sql stable as 'select 1';
alter table t enable row level security; alter table t force row level security;
alter table u enable row level security;
create policy a on t for select to n2_user, n2_other using (mine(tenant));
create policy b on t as restrictive for update to public using (tenant = my_tenant()) with check (tenant = my_tenant() and owner_name = current_user);
create policy c on t for insert to n2_user with check (exists (select from u where u.id = t.id));
create policy d on t for delete to current_user using (true);
create policy e on t to n2_owner using (id > 0);
create policy f on u using ((select count(*) from t where t.tenant = u.tenant) > 0);
create table p (k integer, tenant integer) partition by list (k);
create table p1 partition of p for values in (1);
alter table p enable row level security;
create policy pp on p using (tenant = 1);
create policy pp on p1 using (tenant = 2);
comment on policy a on t is 'a';
