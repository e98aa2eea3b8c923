create domain d0 as varchar(20) constraint nn check (length(value) < 12);
create domain d1 as d0 constraint d1c check (value <> 'x') default 'r';
comment on constraint d1c on domain d1 is 'dc2';
create table t (a d1, b d1[], c d0 default 'zz');
create view v as select a::text from t;
create function f(d1) returns d0 language sql as 'select $1::d0';
insert into t (a, b) values ('abc', array['d', 'e']::d1[]);
