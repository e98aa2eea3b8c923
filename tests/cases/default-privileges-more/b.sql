-- roles: n2_user n2_other n2_owner
create schema s;
alter default privileges grant usage, create on schemas to n2_other;
alter default privileges grant execute on functions to n2_user;
alter default privileges for role n2_owner in schema s grant update on sequences to n2_other with grant option;
alter default privileges for role n2_owner revoke select on tables from n2_owner;
alter default privileges in schema s grant select on tables to public;
create schema s2;
create function s2.f() returns integer language sql as 'select 1';
create table s.t (a serial);
