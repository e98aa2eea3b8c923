create function f() returns event_trigger language plpgsql as 'begin end';
create event trigger kept_n2 on ddl_command_start execute function f();
create event trigger tags_n2 on ddl_command_end when tag in ('CREATE TABLE') execute function f();
create event trigger gone_n2 on sql_drop execute function f();
comment on event trigger tags_n2 is 'tags';

create function deny() returns event_trigger language plpgsql as $$ begin raise exception 'no'; end $$;
create table seen (a integer);
create index seen_a on seen (a);
create event trigger off_n2 on ddl_command_start execute function deny();
