create table t (id int primary key, a int, b int);
create unique index t_a on t (a);
create table u (id int) with (fillfactor = 70, autovacuum_enabled = false, toast.autovacuum_enabled = false);
create table r (id int not null, x int not null, constraint r_key unique (id), constraint r_x unique (x));
alter table r replica identity using index r_key;
alter table r cluster on r_key;
