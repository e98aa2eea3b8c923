create function stamp(b int) returns int language sql immutable as 'select 2';
create function fits(b int) returns boolean language sql immutable as 'select true';
create table events (id int not null, day date not null, mark int default stamp(2), constraint good check (fits(mark))) partition by range (id);
create table events_1 partition of events for values from (1) to (100);
insert into events values (1, '2021-01-01', 5), (2, '2022-01-01', 6);
create index events_mark on events (stamp(mark));
