-- roles: case_one case_two
create schema s; grant all on schema s to case_one, case_two;
create table s.t (a int, b int); alter table s.t owner to case_two; grant select on s.t to case_one;
create function s.f() returns int language sql security definer as 'select 2'; alter function s.f owner to case_one; grant execute on function s.f to case_two;
create view s.v as select a from s.t; alter view s.v owner to case_one;
