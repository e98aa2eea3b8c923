-- server: 18
create schema s;
create table t (a int primary key, b text, c int generated always as (a + 1) stored); create table s.u (a int primary key); create table p (a int) partition by range (a); create table p1 partition of p for values from (0) to (1);
create publication p1 for table t where (a > 5), tables in schema s;
create publication p2 for table only p with (publish_via_partition_root);
create publication p3 for all tables with (publish_generated_columns = stored);
alter publication p1 owner to current_user;
