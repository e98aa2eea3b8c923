-- server: 18
create table rooms (id int4range, valid daterange, name text, constraint rooms_key primary key (id, valid without overlaps));
create table stays (id int4range, room int4range, valid daterange, constraint stays_key unique (id, valid without overlaps),
  constraint in_room foreign key (room, period valid) references rooms (id, period valid));
create table plain (id integer primary key, at daterange, n int4range);
create table again (id int4range, valid tsrange, primary key (id, valid without overlaps));
create table again_seen (id int4range, valid tsrange, foreign key (id, period valid) references again);
create table by_year (id int4range, valid daterange, y integer) partition by list (y);
comment on constraint rooms_key on rooms is 'a room is once';
insert into rooms values ('[1,2)', '[2024-01-01,2025-01-01)', 'x');
insert into stays values ('[1,2)', '[1,2)', '[2024-02-01,2024-03-01)');
