create function step(integer, integer) returns integer language sql immutable as 'select $1 + $2';
create function finish(integer) returns text language sql immutable as 'select $1::text';
create function back(integer, integer) returns integer language sql immutable as 'select $1 - $2';
create aggregate total(integer) (sfunc = step, stype = integer, initcond = '5', combinefunc = int4pl, parallel = safe);
create aggregate described(integer) (sfunc = step, stype = integer, finalfunc = finish);
create aggregate counted(*) (sfunc = int8inc, stype = int8, initcond = '10', sspace = 64);
create aggregate moving(integer) (sfunc = step, stype = integer, msfunc = step, minvfunc = back, mstype = integer, minitcond = '0', initcond = '1');
comment on aggregate described(integer) is 'two';
create view v as select total(g) as t from generate_series(1, 3) g;
