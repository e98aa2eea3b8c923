create schema a; create schema gone;
create table a.t (id int);
create table gone.x (id int primary key);
create table keeps (x int references gone.x);
