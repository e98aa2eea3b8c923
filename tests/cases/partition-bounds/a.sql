create table p (k int, v text) partition by list (k);
create table p1 partition of p for values in (1, 2);
create table p2 partition of p for values in (3);
create table p_default partition of p default;
insert into p values (1, 'a'), (3, 'c');
