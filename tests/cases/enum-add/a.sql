create type mood as enum ('ok', 'sad');
create table t (m mood default 'ok');
