-- roles: case_one
create foreign data wrapper w options (b '2');
create server s1 type 't' version '2' foreign data wrapper w options (host 'h2', x '1');
create user mapping for case_one server s1 options (u 'z');
create foreign table ft (a bigint options (n 'B', m 'C'), b text collate "C", c date, constraint ck check (a > 1)) server s1 options (t 'y', u 'v');
create function tf() returns trigger language plpgsql as 'begin return new; end';
create trigger tg after insert on ft for each row execute function tf();
create table p (a int not null, b text collate "C");
create foreign table fi (a int not null, b text collate "C") server s1;
create table pt (a int, b int) partition by list (a);
create foreign table fp partition of pt for values in (1, 2) server s1;
comment on foreign table ft is 'ft2';
grant usage on foreign server s1 to public;
create view fv as select a from ft;
