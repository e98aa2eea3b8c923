create type mood as enum ('a', 'b');
create table t (a text default '1', b int default 0, c int[], d timestamp, e text, f mood default 'a', g int, h numeric(10,2), i char(3), j bool default true, k json, l text[]);
