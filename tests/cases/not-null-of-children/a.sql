-- server: 18
create schema notnull_inherit_own;
set search_path = notnull_inherit_own;
create table a (x int not null, y int);
create table b (constraint bx not null x, not null y) inherits (a);
create table c (x int constraint cx not null) inherits (a);
create table d () inherits (a);
create table e () inherits (b);
create schema notnull_inherit_child_new;
set search_path = notnull_inherit_child_new;
create table a (x int, y int not null);
create schema nn_parent_gets;
set search_path = nn_parent_gets;
create table a (x int); create table b () inherits (a); alter table b alter x set not null; create table c () inherits (b);
create table p (x int) partition by range (x); create table p1 partition of p (x not null) for values from (0) to (1);
create schema nn_names_tree;
set search_path = nn_names_tree;
create table a (x int constraint one not null, y int constraint "T w o" not null no inherit); create table b () inherits (a); create table c (constraint three not null y) inherits (b);
