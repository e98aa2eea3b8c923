create table rooms (id int4range, valid daterange not null, name text, constraint rooms_key unique (id, valid without overlaps));
create table stays (id int4range, room int4range, valid daterange, note text, constraint stays_key primary key (id, valid without overlaps),
  constraint in_room foreign key (room, period valid) references rooms (id, period valid) not enforced);
create table plain (id integer, at daterange, n int4range, constraint plain_pkey primary key (n, at without overlaps));
create table again (id int4range, valid daterange, primary key (id, valid without overlaps));
create table again_seen (id int4range, valid daterange, foreign key (id, period valid) references again);
create table by_year (id int4range, valid daterange, y int4range, primary key (y, valid without overlaps)) partition by list (y);
create table by_year_1 partition of by_year for values in ('[1,2)');
insert into rooms values ('[1,2)', '[2024-01-01,2025-01-01)', 'x');
insert into stays values ('[1,2)', '[1,2)', '[2024-02-01,2024-03-01)');
