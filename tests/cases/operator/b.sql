create function same(integer, text) returns boolean language sql immutable as 'select $1::text = $2';
create function same_back(text, integer) returns boolean language sql immutable as 'select $1 = $2::text';
create function differs(integer, text) returns boolean language sql immutable as 'select $1::text <> $2';
create operator === (function = same, leftarg = integer, rightarg = text, negator = !==, hashes, merges);
create operator !== (function = differs, leftarg = integer, rightarg = text, negator = ===);
create operator ~~~~ (function = same, leftarg = integer, rightarg = text, restrict = contsel);
create view v as select 1 === '1' as x;
comment on operator === (integer, text) is 'same as';
