-- server: 15
-- roles: n2_user n2_owner
create extension if not exists pgcrypto;
create schema app;
create type app.status as enum ('new', 'active', 'closed');
create table app.tenants (id uuid primary key default gen_random_uuid(), name text not null unique, created_at timestamptz not null default now());
create table app.users (id bigserial primary key, tenant_id uuid not null references app.tenants on delete cascade, email text not null, status app.status not null default 'new', profile jsonb not null default '{}', unique (tenant_id, email));
create table app.orders (id bigserial primary key, user_id bigint not null references app.users, total numeric(10, 2) not null check (total >= 0), status app.status not null default 'new', placed_at timestamptz not null default now());
create table app.order_items (order_id bigint references app.orders on delete cascade, line integer, sku text not null, quantity integer not null default 1, price numeric(10, 2) not null, primary key (order_id, line));
create index orders_user on app.orders (user_id, placed_at desc);
create index users_profile on app.users using gin (profile);
create view app.active_users as select id, tenant_id, email from app.users where status = 'active';
create view app.revenue as select u.tenant_id, sum(o.total) as total from app.orders o join app.users u on u.id = o.user_id where o.status <> 'closed' group by 1;
create function app.touch() returns trigger language plpgsql as $$ begin new.placed_at = now(); return new; end $$;
create trigger touch before update on app.orders for each row when (old.status is distinct from new.status) execute function app.touch();
create function app.order_total(o app.orders) returns numeric language sql stable as $$ select sum(price * quantity) from app.order_items where order_id = o.id $$;
alter table app.users enable row level security;
create policy tenant on app.users using (tenant_id = current_setting('app.tenant')::uuid);
grant usage on schema app to n2_user; grant select, insert on app.users, app.orders to n2_user;
grant usage on sequence app.users_id_seq to n2_user;
comment on column app.orders.total is 'in euro';
