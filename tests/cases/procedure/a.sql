-- server: 14
-- (bodies that are parsed)
create table log (t text);
create procedure p(a integer) language plpgsql as 'begin insert into log values (a::text); end';
create procedure with_out(a integer, inout b integer) language sql as 'select 1';
create procedure becomes_function(a integer) language sql as 'select 1';
create procedure gone() language sql as '';
comment on procedure p(integer) is 'writes';
