create type cx as (r float8, i float8);
create function cx_lt(cx, cx) returns bool immutable language sql as 'select ($1).r < ($2).r';
create function cx_le(cx, cx) returns bool immutable language sql as 'select ($1).r <= ($2).r';
create function cx_eq(cx, cx) returns bool immutable language sql as 'select ($1).r = ($2).r';
create function cx_ge(cx, cx) returns bool immutable language sql as 'select ($1).r >= ($2).r';
create function cx_gt(cx, cx) returns bool immutable language sql as 'select ($1).r > ($2).r';
create function cx_cmp(cx, cx) returns int immutable language sql as 'select 0';
create operator #< (function = cx_lt, leftarg = cx, rightarg = cx, commutator = #>, negator = #>=);
create operator #<= (function = cx_le, leftarg = cx, rightarg = cx);
create operator #= (function = cx_eq, leftarg = cx, rightarg = cx, commutator = #=, hashes, merges);
create operator #>= (function = cx_ge, leftarg = cx, rightarg = cx);
create operator #> (function = cx_gt, leftarg = cx, rightarg = cx);
create operator family cxf using btree;
create operator class cx_ops for type cx using btree family cxf as
 operator 1 #<, operator 2 #<=, operator 3 #=, operator 4 #>=, operator 5 #>, function 1 cx_cmp(cx, cx);
comment on operator class cx_ops using btree is 'oc'; comment on operator family cxf using btree is 'of'; comment on operator #< (cx, cx) is 'lt';
create table t (c cx);
create index on t (c cx_ops desc);
