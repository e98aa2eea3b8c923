create table t (a int, b int not null, c int constraint c_there not null, d int not null primary key, e text not null default 'x');
