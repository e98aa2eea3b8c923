-- roles: order_one order_two order_three
create table ledger (id int);
grant select on ledger to order_two;
grant all on ledger to order_three;
create function rate() returns int language sql as 'select 1';
