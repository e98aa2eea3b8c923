create table a (id int, v text not null);
create table b (w int not null) inherits (a);
create table p (k int not null, v text) partition by range (k);
create table p1 partition of p for values from (1) to (2);
