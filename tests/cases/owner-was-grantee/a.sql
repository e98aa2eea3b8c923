-- roles: case_one case_two
create schema s; grant all on schema s to case_one, case_two;
create table s.t (a int); alter table s.t owner to case_one; grant select on s.t to case_two with grant option;
set session authorization case_two; grant select on s.t to public; reset session authorization;
create function s.f() returns int language sql security definer as 'select 1'; alter function s.f owner to case_two; revoke all on function s.f from public, case_two;
create view s.v as select a from s.t; alter view s.v owner to case_two;
