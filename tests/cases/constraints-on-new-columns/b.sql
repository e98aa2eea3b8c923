create table r (id int primary key);
create table t (id int primary key, a int references r, b int not null default 5 unique, c int check (c > 0), d bigserial, e int generated always as (b * 2) stored, f timestamptz not null default now(), constraint two check (a <> b));
insert into t (id, d) values (1, 1);
