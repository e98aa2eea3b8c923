create text search dictionary sd (template = simple);
create text search dictionary st (template = snowball, language = english);
create text search configuration c (copy = english);
alter text search configuration c alter mapping for word with st, sd;
create table t (b text, v tsvector generated always as (to_tsvector('c', coalesce(b, ''))) stored);
create index on t using gin (to_tsvector('c'::regconfig, b)) where b is not null;
