-- roles: n2_user n2_other n2_owner
create schema s;
alter default privileges grant usage on schemas to n2_user;
alter default privileges grant execute on functions to n2_user with grant option;
alter default privileges revoke execute on functions from public;
alter default privileges for role n2_owner in schema s grant usage, select on sequences to n2_other;
alter default privileges for role n2_owner revoke all on tables from n2_owner;
alter default privileges in schema s grant update on tables to public;
