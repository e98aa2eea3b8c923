create type mood as enum ('great', 'ok', 'meh', 'sad', 'awful', 'worst');
create table t (m mood default 'great', n mood not null default 'worst', check (m <> 'awful'));
create view v as select * from t where m = 'meh';
