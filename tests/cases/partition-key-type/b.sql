create table t (id bigint not null, v text) partition by range (id);
create table t1 partition of t for values from (1) to (100);
insert into t values (1, 'a');
