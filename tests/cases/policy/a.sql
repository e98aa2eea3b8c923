-- roles: n2_user n2_owner
create table t (a integer, owner text);
alter table t enable row level security;
create policy kept on t using (owner = current_user);
create policy roles on t for select to n2_user using (a > 1);
create policy command on t for update using (a > 1) with check (a > 2);
create policy taken on t using (a > 1) with check (a > 2);
create policy gone on t for delete to n2_user, n2_owner using (true);
create policy kind on t as restrictive for select using (a > 1);
comment on policy command on t is 'about updates';
