create table o (id int primary key);
create table p (a int not null, b int references o, constraint c check (a > 0 and b > 0)) partition by range (a);
create table p1 partition of p for values from (1) to (10) partition by list (b);
create table p11 partition of p1 for values in (1);
create index i on p (b, a);
create table p12 (a int not null, b int);
create table q (a int not null, b int) partition by list (b);
create table q1 partition of q for values in (1);

create table k (a int not null, b int, primary key (a), unique (a, b)) partition by range (a);
create table k1 partition of k for values from (1) to (10);
create index k_b on k (b);
create table kept (a int not null, b int);
create table refers (a int references k);
