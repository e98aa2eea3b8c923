create type mood as enum ('sad', 'ok');
create domain moody as mood;
create type pair as (a mood, b int);
create table t (m mood not null default 'ok', l mood[] default '{ok}', d moody, p pair, constraint c check (m <> 'sad'));
create index t_m on t (m) where m = 'ok';
create view v as select m, l from t where m = 'ok';
create materialized view mv as select count(*) from t where m = 'sad';
comment on type mood is 'moods';
