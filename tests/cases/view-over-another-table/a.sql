create table person (id serial primary key, name text, constraint named check (name <> ''));
create view names as select id, name from person;
create view short_names as select left(name, 1) as letter from names;
