create table p (k int not null, v text not null) partition by list (v);
create table p1 partition of p for values in ('a');
comment on table p is 'kept';

-- Partitions in another schema wait in another place.
create schema cold;
create schema zone;
create table q (k int not null, v text not null) partition by list (v);
create table cold.q1 partition of q for values in ('a');
create table cold.q2 partition of q default;
create table zone.r (k int not null, v text not null);
create table cold.r1 (k int not null, v text not null);
create index r_v on zone.r (v);
