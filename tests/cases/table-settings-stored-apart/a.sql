-- Options of what is stored apart, of a table that comes to have a column which may be, and of one whose column goes.
create table t (i int);
create table u (i int, s text) with (toast.autovacuum_vacuum_cost_delay = 23);
create table w (i int);
