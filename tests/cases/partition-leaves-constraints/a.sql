create table o (id int primary key);
create table p (a int not null, b int) partition by range (a);
create table p1 partition of p for values from (1) to (10) partition by list (b);
create table p11 partition of p1 for values in (1);
create table p12 partition of p1 for values in (2);
create table q partition of p for values from (10) to (20) partition by list (b);
create table q1 partition of q for values in (1);
create table gone partition of p for values from (20) to (30);

create table k (a int not null, b int) partition by range (a);
create table k1 partition of k for values from (1) to (10);
create table kept partition of k for values from (10) to (20);
create table dropped partition of k for values from (20) to (30);
