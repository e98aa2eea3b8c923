create table t (id int, a int not null, primary key (id, a), unique (id));
create table c (t_id int references t (id));
