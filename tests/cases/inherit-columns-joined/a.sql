create table g (id bigint not null);
create table p (a integer, b bigint) inherits (g);
create table c (b bigint, e integer) inherits (p);
create table d (id bigint, b bigint not null) inherits (p);
create table q (x integer);
create table r (y integer) inherits (q);
create table s (z integer) inherits (r);
