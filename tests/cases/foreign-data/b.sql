-- roles: n2_user n2_owner
create function v(text[], oid) returns void language plpgsql as 'begin end';
create foreign data wrapper w validator v options (debug 'false', made 'it''s');
create server s type 'mysql' version '2' foreign data wrapper w options (host 'b', port '1');
create server made_s foreign data wrapper w;
create user mapping for public server s options (user 'u', password 'other');
create user mapping for n2_owner server made_s options (password 'x');
create foreign table ft (a integer options (name 'y'), b text, c integer) server s options (table 't2');
grant usage on foreign data wrapper w to n2_owner;
alter server s owner to n2_owner;
comment on foreign data wrapper w is 'w';
comment on server s is 's2';
comment on foreign table ft is 'ft';
grant usage on foreign server s to n2_user;
grant select (a), insert on ft to n2_user;
create foreign table made_ft (a integer not null, b text default 'x' collate "C") server made_s options (table 'x');
