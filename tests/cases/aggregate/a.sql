create function step(integer, integer) returns integer language sql immutable as 'select $1 + $2';
create function finish(integer) returns text language sql immutable as 'select $1::text';
create aggregate total(integer) (sfunc = step, stype = integer, initcond = '0');
create aggregate described(integer) (sfunc = step, stype = integer);
create aggregate gone(integer) (sfunc = step, stype = integer, finalfunc = finish, parallel = safe);
create aggregate counted(*) (sfunc = int8inc, stype = int8, initcond = '0');
create aggregate middle(double precision order by anyelement) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
comment on aggregate described(integer) is 'one';
create view v as select total(g) as t from generate_series(1, 3) g;
