create table invoices (id serial primary key, v int);
insert into invoices (v) select n from generate_series(1, 40) n;
create table receipts (id bigint generated always as identity, v int);
insert into receipts (v) select n from generate_series(1, 7) n;
create sequence own_numbers;
create table notes (id bigint not null default nextval('own_numbers'), v int);
alter sequence own_numbers owned by notes.id;
insert into notes (v) select n from generate_series(1, 9) n;
