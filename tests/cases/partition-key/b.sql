create table p (k int not null, v text not null) partition by list (v);
create table p1 partition of p for values in ('a');
comment on table p is 'kept';
