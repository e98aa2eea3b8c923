-- server: 15
create function half(integer) returns integer language sql immutable as 'select $1 / 2';
create table p (id integer not null, k text collate "C" not null, at timestamp default now(), v integer, n numeric(10, 2), d integer generated always as (v * 2) stored) partition by list (k collate "C");
create index p_v on p (v) include (n);
create table p1 partition of p for values in ('a');
create table other_order (n numeric(10, 2), gone integer, v integer, k text collate "C" not null, id integer not null, at timestamp, d integer generated always as (v * 2) stored);
alter table other_order drop column gone;
create index other_v on other_order (v) include (n);
create table e (id integer, v integer) partition by range (half(id), (v + 1));
create table e1 partition of e for values from (0, minvalue) to (10, maxvalue);
create table e2 (v integer, id integer);
create table h (id integer, v text) partition by hash (id, v);
create table h0 partition of h for values with (modulus 2, remainder 0);
create table h1 partition of h for values with (modulus 2, remainder 1) partition by list (v);
create table h1a partition of h1 for values in ('a');
create table h1d partition of h1 default;
insert into other_order (k, id, v) values ('b', 1, 1);
