create table p (k int not null, v text, primary key (k)) partition by range (k);
create table p_a partition of p for values from (0) to (10);
create table p_b partition of p for values from (10) to (20);
create table q (k int references p);
insert into p values (1, 'x');
