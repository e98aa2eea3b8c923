create table other (id int primary key);
create table e (id bigint generated always as identity, at timestamptz not null, o int references other on delete cascade, primary key (id, at)) partition by range (at);
create table e_1 partition of e for values from ('2024-01-01') to ('2025-01-01');
create table e_2 partition of e for values from ('2025-01-01') to (maxvalue);
create index on e (o);
create unique index e_u on e (at, id) include (o);
create table child (eid bigint, at timestamptz, foreign key (eid, at) references e (id, at));
