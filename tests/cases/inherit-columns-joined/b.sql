create table g (id bigint not null, n integer not null);
create table p (a integer, b bigint) inherits (g);
create table c (b bigint, e integer, n integer) inherits (p);
create table d (id bigint, b bigint not null) inherits (p);
alter table p alter b set not null;
create table q (x integer, w text default 'q' not null);
create table r (y integer, w text default 'r') inherits (q);
create table s (z integer, w text not null) inherits (r);
