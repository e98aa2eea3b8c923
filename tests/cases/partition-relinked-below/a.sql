create table p (id int, k text, constraint p_pk primary key (id, k)) partition by list (k);
create table p2 partition of p for values in ('b', 'c') partition by range (id);
create table p21 partition of p2 for values from (0) to (10);
