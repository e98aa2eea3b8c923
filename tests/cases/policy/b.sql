-- roles: n2_user n2_owner
create table t (a bigint, owner text);
alter table t enable row level security;
alter table t force row level security;
create policy kept on t using (owner = current_user);
create policy roles on t for select to n2_owner, n2_user using (a > 2);
create policy command on t for insert with check (a > 2);
create policy taken on t using (a > 1);
create policy made on t as restrictive for all to n2_user using (exists (select from t x where x.a = t.a));
create policy kind on t for select using (a > 1);
comment on policy command on t is 'about inserts';
