create type money_amount as (cents bigint, currency text);
create function cents(money_amount) returns bigint language sql immutable as 'select $1.cents';
create cast (money_amount as bigint) with function cents(money_amount) as assignment;
create function as_money(bigint) returns money_amount language sql immutable as $$ select row($1, 'EUR')::money_amount $$;
create cast (bigint as money_amount) with function as_money(bigint);
create table prices (id int, amount money_amount, flag boolean, spot point, span text, code "char", bits bit(8), n numeric, ids int[]);
insert into prices values (1, row(250, 'EUR'), true, '(1,2)', '1 day', 'x', '00000101', 1.5, '{1,2}');
