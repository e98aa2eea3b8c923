create table a (id int not null, v text);
create table b (w int) inherits (a);
create table p (k int, v text not null) partition by range (k);
create table p1 partition of p for values from (1) to (2);
