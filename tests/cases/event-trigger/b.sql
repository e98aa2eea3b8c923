create function f() returns event_trigger language plpgsql as 'begin end';
create event trigger kept_n2 on ddl_command_start execute function f();
create event trigger tags_n2 on ddl_command_end when tag in ('CREATE TABLE', 'DROP TABLE') execute function f();
create event trigger made_n2 on table_rewrite execute function f();
alter event trigger kept_n2 disable;
alter event trigger made_n2 enable always;
comment on event trigger tags_n2 is 'tags';
create table t (a integer);

create function deny() returns event_trigger language plpgsql as $$ begin raise exception 'no'; end $$;
create table seen (a bigint, b integer check (b > 0));
comment on table seen is 'seen';
grant select on seen to public;
create event trigger off_n2 on ddl_command_start execute function deny();
alter event trigger off_n2 disable;
create event trigger refuses_n2 on ddl_command_start execute function deny();
