-- roles: case_one
create foreign data wrapper w options (a '1');
create server s1 type 't' version '1' foreign data wrapper w options (host 'h', port '1');
create user mapping for public server s1 options (u 'x');
create user mapping for case_one server s1 options (u 'y', password 'p');
create foreign table ft (a int options (n 'A') not null, b text collate "C" default 'q', constraint ck check (a > 0)) server s1 options (t 'x');
create function tf() returns trigger language plpgsql as 'begin return new; end';
create trigger tg before insert on ft for each row execute function tf();
create table p (a int not null, b text collate "C");
create foreign table fi () inherits (p) server s1;
create table pt (a int, b int) partition by list (a);
create foreign table fp partition of pt for values in (1) server s1 options (z '1');
comment on foreign table ft is 'ft'; comment on column ft.a is 'a'; comment on server s1 is 's'; comment on foreign data wrapper w is 'w';
grant usage on foreign server s1 to case_one; grant usage on foreign data wrapper w to case_one; grant select (a) on ft to case_one;
create view fv as select a from ft;
