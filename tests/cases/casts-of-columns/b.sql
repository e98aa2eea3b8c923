create type money_amount as (cents bigint, currency text);
create function cents(money_amount) returns bigint language sql immutable as 'select $1.cents';
create cast (money_amount as bigint) with function cents(money_amount) as assignment;
create function as_money(bigint) returns money_amount language sql immutable as $$ select row($1, 'EUR')::money_amount $$;
create cast (bigint as money_amount) with function as_money(bigint);
create table prices (id int, amount bigint, flag int, spot text, span interval, code text, bits int, n int, ids bigint[]);
insert into prices values (1, 250, 1, '(1,2)', '1 day', 'x', 5, 2, '{1,2}');
