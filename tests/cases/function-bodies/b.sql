-- Bodies written as strings name what is made with them, and what is made with them runs them at once.
create schema shop;
create table shop.zones (code text primary key);
create table shop.parcels (id int primary key, code text, weight int);
insert into shop.parcels values (1, 'A', 10), (2, 'B', 20);
create view shop.z_known as select code from shop.zones union select 'A' union select 'B';
create function shop.z_codes() returns setof shop.z_known language sql stable as 'select * from shop.z_known';
create function shop.a_known(candidate text) returns boolean language sql stable
  as 'select exists (select from shop.z_codes() c where c.code = candidate)';
alter table shop.parcels add constraint known check (shop.a_known(code));
create table shop.rates (factor int);
create function shop.a_rate() returns int language plpgsql stable as
  $$ begin return (select coalesce(sum(factor), 1) from shop."Rates of today"); end $$;
create view shop."Rates of today" as select factor from shop.rates;
alter table shop.parcels add column rate int default shop.a_rate();
create view shop.z_all as select weight from shop.parcels;
create function shop.a_sum() returns bigint language sql stable as 'select sum(weight) from shop.z_all';
create materialized view shop.a_totals as select shop.a_sum() as total;
create view shop.bridge as select shop.a_sum() as total;
create function shop.z_half(n int) returns int language sql immutable as 'select n / 2';
create function shop.even(n int) returns int language sql immutable as 'select shop.z_half(n) * 2';
create index even_weights on shop.parcels (shop.even(weight));
