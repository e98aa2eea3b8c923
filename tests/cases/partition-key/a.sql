create table p (k int not null, v text not null) partition by range (k);
create table p1 partition of p for values from (1) to (10);
comment on table p is 'kept';
