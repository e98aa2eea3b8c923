create table users (id bigint not null, name text) partition by hash (id);
create table users_0 partition of users for values with (modulus 2, remainder 0);
create table users_1 partition of users for values with (modulus 2, remainder 1);
insert into users select n, 'user ' || n from generate_series(1, 40) n;
create table flags (k integer, v text) partition by list ((k % 10));
create table flags_few partition of flags for values in (1, 2, null);
create table flags_others partition of flags default;
insert into flags values (11, 'a'), (12, 'b'), (null, 'c'), (13, 'd'), (14, 'e');
