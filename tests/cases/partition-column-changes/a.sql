create table p (k int, v varchar(10), w int not null default 3, gone text) partition by range (k);
create table p1 partition of p for values from (1) to (10);
create index p_v on p (v);
create view pv as select k, v from p;
