create function f() returns event_trigger language plpgsql as 'begin end';
create event trigger kept_n2 on ddl_command_start execute function f();
create event trigger tags_n2 on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function f();
create event trigger made_n2 on table_rewrite execute function f();
alter event trigger kept_n2 disable;
alter event trigger made_n2 enable always;
comment on event trigger tags_n2 is 'tags';
create table t (a integer);
