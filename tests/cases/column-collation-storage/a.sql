-- server: 14
-- (compression)
create table t (a text collate "C", b text, c text, d int);
alter table t alter b set storage external, alter c set statistics 500, alter d set (n_distinct = 10), alter b set compression pglz;
