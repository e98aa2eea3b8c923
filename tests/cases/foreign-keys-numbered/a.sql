-- Several foreign keys of one column to a table with partitions: those of each partition took the numbers between.
create table pk (a int primary key) partition by range (a);
create table pk_1 partition of pk for values from (1) to (50);
create table pk_2 partition of pk for values from (50) to (100);
