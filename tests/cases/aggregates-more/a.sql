-- server: 14
create function add(integer, integer) returns integer language sql immutable as 'select $1 + $2';
create function take(integer, integer) returns integer language sql immutable as 'select $1 - $2';
create aggregate total (integer) (sfunc = add, stype = integer, initcond = '0', msfunc = add, minvfunc = take, mstype = integer, minitcond = '0');
create aggregate share (float8 order by anycompatible) (sfunc = ordered_set_transition, stype = internal, finalfunc = percentile_disc_final, finalfunc_extra);
create aggregate place (variadic "any" order by variadic "any") (sfunc = ordered_set_transition_multi, stype = internal, finalfunc = rank_final, finalfunc_extra, hypothetical);
create aggregate all_of (anycompatible) (sfunc = array_append, stype = anycompatiblearray, initcond = '{}', parallel = safe);
create aggregate most (integer) (sfunc = int4larger, stype = integer, sortop = >, combinefunc = int4larger);
create aggregate many (variadic integer[]) (sfunc = array_cat, stype = integer[]);
create table t (a integer, b text);
create view v as select total(a), all_of(b), most(a), share(0.5) within group (order by a) as s, place(1) within group (order by a) as p from t;
create view moving as select total(a) over (order by a rows 2 preceding) from t;
comment on aggregate total(integer) is 'sum';
revoke execute on function most(integer) from public;
