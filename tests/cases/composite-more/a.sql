-- server: 14
create domain positive as integer check (value > 0);
create type point3 as (x integer, y positive, z text collate "C");
create type path3 as (f point3, t point3, via point3[]);
create domain whole_line as path3 check (value is null or (value).f is not null);
create table t (id integer primary key, l path3, w whole_line, ps point3[]);
create table typed of point3 (x primary key, z default 'z' not null);
create function len(path3) returns integer language sql immutable as 'select ($1).t.x - ($1).f.x';
create function near(p point3 default row(1, 1, 'a')::point3) returns setof point3 language sql as 'select p';
create view v as select (l).f.x as x, len(l) as n, (ps)[1].z as z from t;
create index on t (((l).f.x));
create table uses_row (t t, ts t[]);
create function of_row(t) returns integer language sql begin atomic; select ($1).id; end;
comment on column point3.z is 'z';
insert into t (id, l, ps) values (1, row(row(1, 2, 'a'), row(3, 4, 'b'), array[row(5, 6, 'c')::point3]), array[row(1, 1, 'x')::point3]);
