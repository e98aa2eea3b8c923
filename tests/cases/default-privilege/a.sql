-- roles: n2_user n2_other n2_owner
create schema s;
alter default privileges grant select on tables to n2_user;
alter default privileges revoke execute on functions from public;
alter default privileges in schema s grant select, insert on tables to n2_other with grant option;
alter default privileges for role n2_owner grant usage on types to n2_user;
alter default privileges grant usage on sequences to n2_user;
create table s.kept (a integer);
alter default privileges for role n2_other grant select, insert on tables to n2_user;
create schema types_made_anew;
alter default privileges revoke usage on types from public;
create type types_made_anew.e as enum ('x', 'y');
create table types_made_anew.t (e types_made_anew.e);
