-- server: 15
create schema s1; create schema s2;
create table t (a integer primary key, b text, c integer);
create table s1.u (a integer primary key, b integer);
create table s2.w (a integer primary key, b integer);
create table part (k integer, v integer, primary key (k)) partition by list (k);
create table part1 partition of part for values in (1);
create publication one for table t (a, c) where (c > 1 and b = 'x') with (publish = 'insert');
create publication two for table t, s1.u where (a > 0), part with (publish_via_partition_root);
create publication three for tables in schema s1, table t;
create publication four for all tables with (publish = 'insert, update');
create publication five for table only part1, s2.w (a);
create publication six;
comment on publication one is 'o';
