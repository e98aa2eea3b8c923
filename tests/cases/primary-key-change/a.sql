create table t (id int, a int not null, primary key (id));
create table c (t_id int references t);
