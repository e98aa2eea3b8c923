create collation kept (provider = icu, locale = 'de');
create collation changed (provider = icu, locale = 'en');
create collation gone (provider = libc, locale = 'C');
create table t (a text collate changed, b text);
insert into t values ('x', 'y');
create index t_a on t (a);
comment on collation changed is 'c';
