create table t (a int not null, b int, c int constraint c_is_there not null, d int not null, e text, f int constraint f_nn not null);
