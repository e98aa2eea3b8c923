create table log (t text);
create procedure p(a integer) language plpgsql security definer as 'begin insert into log values (a::text || ''!''); end';
create procedure with_out(a integer, inout c integer) language sql as 'select 1';
create function becomes_function(a integer) returns integer language sql as 'select 1';
create procedure made(in a text default 'x') language sql begin atomic insert into log values (a); end;
comment on procedure p(integer) is 'writes more';
