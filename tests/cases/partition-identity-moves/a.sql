create table p (id int generated always as identity, k int, s serial) partition by list (k); create table p1 partition of p for values in (1); create table p2 partition of p for values in (2);
