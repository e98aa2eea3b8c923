-- roles: n2_user
create language kept handler plpgsql_call_handler;
create trusted language changed handler plpgsql_call_handler inline plpgsql_inline_handler validator plpgsql_validator;
create language made handler plpgsql_call_handler;
create function in_made() returns integer language made as 'begin return 1; end';
comment on language changed is 'c';
create access method made_am type table handler heap_tableam_handler;
create access method changed_am type index handler ginhandler;
create table t (a integer) using made_am;
comment on access method changed_am is 'd';
