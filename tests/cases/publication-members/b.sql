-- server: 18
create schema s;
create table t (a bigint primary key, b varchar(30), c int generated always as (a + 2) stored, d int); create table s.u (a bigint primary key); create table p (a int) partition by range (a); create table p1 partition of p for values from (0) to (1);
create publication p1 for table t (a, d) where (a > 1), s.u (a);
create publication p2 for table p1, t with (publish = 'insert,truncate');
create publication p3 for tables in schema public with (publish_generated_columns = none);
