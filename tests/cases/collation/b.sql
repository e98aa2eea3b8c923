create collation kept (provider = icu, locale = 'de');
create collation changed (provider = icu, locale = 'en-u-ks-level2', deterministic = false);
create collation made (provider = libc, lc_collate = 'C', lc_ctype = 'POSIX');
create table t (a text collate changed, b text collate kept);
insert into t values ('x', 'y');
create index t_a on t (a);
comment on collation changed is 'c';
