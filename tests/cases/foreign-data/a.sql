-- roles: n2_user n2_owner
create foreign data wrapper w options (debug 'true', gone 'x');
create foreign data wrapper gone_w;
create server s type 'mysql' version '1' foreign data wrapper w options (host 'a', password 'secret');
create server gone_s foreign data wrapper gone_w;
create user mapping for public server s options (user 'u', password 'secret');
create user mapping for n2_user server s options (password 'x');
create user mapping for n2_owner server gone_s;
create foreign table ft (a integer options (name 'x'), b text) server s options (table 't', other 'o');
comment on foreign data wrapper w is 'w';
comment on server s is 's';
comment on foreign table ft is 'ft';
grant usage on foreign data wrapper w to n2_user;
grant usage on foreign server s to n2_user with grant option;
grant select on ft to n2_user;
create foreign table gone_ft (a integer) server s;
