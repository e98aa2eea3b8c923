-- roles: n2_user n2_other n2_owner
create schema s;
alter default privileges grant select on tables to n2_user;
alter default privileges in schema s grant select, insert on tables to n2_other with grant option;
create table s.kept (a integer);
alter default privileges revoke all on tables from n2_user;
alter default privileges in schema s revoke all on tables from n2_other;
create table public.made (a integer generated always as identity, b serial);
create table s.made (a integer);
grant select on s.made to n2_user;
create view s.v as select 1 as a;
grant insert on s.v to n2_other;
create function f() returns integer language sql as 'select 1';
create type e as enum ('a');
alter default privileges in schema s grant execute on functions to n2_user;
alter default privileges revoke usage on types from public;
create schema s2;
alter default privileges in schema s2 grant all on tables to n2_user;
create table s2.t (a integer);
