create table p (k int not null, v text, w int) partition by range (k);
create table p_a partition of p for values from (0) to (10);
create table p_b partition of p for values from (10) to (20);
create index p_v on p (v);
create index own on p_a (k, v);
