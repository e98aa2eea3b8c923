-- roles: n2_user
create language kept handler plpgsql_call_handler;
create trusted language changed handler plpgsql_call_handler inline plpgsql_inline_handler;
create language gone handler plpgsql_call_handler;
comment on language changed is 'c';
grant usage on language changed to n2_user;
revoke usage on language changed from public;
create access method gone_am type index handler gisthandler;
create access method changed_am type index handler gisthandler;
comment on access method changed_am is 'c';
