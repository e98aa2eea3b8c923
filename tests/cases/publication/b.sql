-- server: 15
create schema s;
create schema s2;
create table t (a bigint primary key, b text, c text);
create table u (a integer primary key, b text);
create publication everything for table t;
create publication partly for table t (a, c) where (a > 2), u with (publish = 'insert, update', publish_via_partition_root = true);
create publication schemas for tables in schema s2, table u;
create publication made for all tables with (publish = '');
comment on publication partly is 'more';
