create table p (k int not null, v text, w int, constraint p_key unique (k)) partition by range (k);
create table p_a partition of p for values from (0) to (10);
create table p_b partition of p for values from (10) to (20);
create index p_v on p (v, w);
