create table customer (id serial primary key, full_name text, constraint named check (full_name <> ''));
create view names as select id, full_name as name from customer;
create view short_names as select left(name, 1) as letter from names;
