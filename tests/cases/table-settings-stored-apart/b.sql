create table t (i int, s text) with (toast.autovacuum_vacuum_cost_delay = 23, fillfactor = 40);
create table u (i int);
create table w (i text) with (toast.autovacuum_enabled = false);
