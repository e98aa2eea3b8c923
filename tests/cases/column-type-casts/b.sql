create type mood as enum ('a', 'b');
create table t (a int default 1, b bool default false, c bigint[], d timestamptz, e uuid, f text default 'a', g uuid, h numeric(12,4), i varchar(5), j int default 1, k jsonb, l mood[]);
