-- A partition that goes when its rows have been moved has the columns' new types before that, and defaults of its own.
create table p (id integer not null, c integer, d text) partition by range (id);
create table p1 partition of p for values from (1) to (100);
create table p2 partition of p for values from (100) to (200);
create table other (id integer not null, c integer, d text) partition by list (id);
create table other_1 partition of other for values in (1);
create table rest partition of other default partition by list (id);
create table rest_2 partition of rest for values in (2);
alter table only p2 alter c set default 5;
alter table only rest_2 alter c set default 6;
insert into p values (1, 1, 'a'), (150, 0, 'b');
insert into other values (1, 1, 'a'), (2, 1, 'b');
