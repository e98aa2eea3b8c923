create function stamp(a int) returns int language sql immutable as 'select 1';
create function fits(a int) returns boolean language sql immutable as 'select true';
create table events (id int not null, day date not null, mark int default stamp(2), constraint good check (fits(mark))) partition by range (day);
create table events_1 partition of events for values from ('2020-01-01') to ('2030-01-01');
insert into events values (1, '2021-01-01', 5), (2, '2022-01-01', 6);
create index events_mark on events (stamp(mark));
