create table p (k int not null, v text not null) partition by range (k);
create table p1 partition of p for values from (1) to (10);
comment on table p is 'kept';

-- Partitions in another schema wait in another place.
create schema cold;
create schema zone;
create table q (k int not null, v text not null) partition by range (k);
create table cold.q1 partition of q for values from (1) to (10);
create table cold.q2 partition of q default;
create table zone.r (k int not null, v text not null) partition by range (k);
create table cold.r1 partition of zone.r for values from (1) to (10);
create index r_v on zone.r (v);
