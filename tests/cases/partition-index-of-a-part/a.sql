-- Indexes of partitioned tables that not every partition has a part of, below others.
create table t (a int, b int) partition by range (a);
create table t_1 partition of t for values from (1) to (10) partition by range (b);
create table t_1_1 partition of t_1 for values from (1) to (10);
