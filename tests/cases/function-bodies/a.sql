create schema shop;
create table shop.parcels (id int primary key, code text, weight int);
insert into shop.parcels values (1, 'A', 10), (2, 'B', 20);
