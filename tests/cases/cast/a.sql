create type c as (a integer);
create type d as (a integer);
create function to_text(c) returns text language sql immutable as 'select ($1).a::text';
create function to_int(c) returns integer language sql immutable as 'select ($1).a';
create cast (c as text) with function to_text(c);
create cast (c as integer) with function to_int(c) as assignment;
create view v as select row(1)::c::text as x;
comment on cast (c as text) is 'by hand';
