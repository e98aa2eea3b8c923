create table p (a int not null, b int, x text) partition by range (a);
create table p1 partition of p for values from (1) to (10);
create table q (a int not null, b int, x text);

create table deep (a int not null, n int, gone text) partition by range (a);
create table deep1 partition of deep for values from (1) to (10) partition by list (n);
create table deep11 partition of deep1 for values in (1);
create table deep12 partition of deep1 for values in (2);

