create function same(integer, text) returns boolean language sql immutable as 'select $1::text = $2';
create function same_back(text, integer) returns boolean language sql immutable as 'select $1 = $2::text';
create function neg(integer) returns integer language sql immutable as 'select -$1';
create operator === (function = same, leftarg = integer, rightarg = text, commutator = ===);
create operator === (function = same_back, leftarg = text, rightarg = integer, commutator = ===);
create operator !@! (function = neg, rightarg = integer);
create operator ~~~~ (function = same, leftarg = integer, rightarg = text, restrict = eqsel, join = eqjoinsel);
create view v as select 1 === '1' as x;
comment on operator === (integer, text) is 'same';
