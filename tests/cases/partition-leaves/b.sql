create table p (a int not null, b int, z int) partition by range (a);
create table p1 (a int not null, b int, z int);
create table q partition of p for values from (1) to (10);

create table deep (a int not null, n int, came int not null default 7) partition by range (a);
create table deep1 partition of deep for values from (1) to (10) partition by list (n);
create table deep11 partition of deep1 for values in (1);
create table deep12 (a int not null, n int, came int not null default 7);

