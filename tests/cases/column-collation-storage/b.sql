create table t (a text, b text collate "POSIX", c text, d int, e text collate "C");
alter table t alter c set storage main, alter d set statistics 100, alter d set (n_distinct_inherited = 5), alter e set storage plain, alter c set compression pglz;
