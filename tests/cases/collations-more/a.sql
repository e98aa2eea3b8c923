-- server: 17
create collation one (provider = icu, locale = 'de-u-co-phonebk');
create collation two (provider = icu, locale = 'und', rules = '&a < g', deterministic = false);
create collation three (provider = builtin, locale = 'C.UTF-8');
create collation four (provider = libc, lc_collate = 'C', lc_ctype = 'POSIX');
create collation five from "C";
create table t (a text collate one primary key, b text collate two, c text collate three, d text collate four, e text collate five);
create index i on t (b collate one, lower(c));
create view v as select a || b collate two as x, c from t order by d collate three;
create domain dom as text collate two check (value <> 'x' collate one);
create type comp as (x text collate three);
create table p (k text collate one) partition by range (k collate four);
create table p1 partition of p for values from ('a') to ('b');
