create text search dictionary sd (template = simple, stopwords = english);
create text search dictionary syn (template = pg_catalog.simple, accept = false);
create text search configuration c (copy = simple);
alter text search configuration c alter mapping for word, asciiword with syn, sd;
alter text search configuration c drop mapping for email;
comment on text search configuration c is 'c'; comment on text search dictionary sd is 'sd';
create table t (b text, v tsvector generated always as (to_tsvector('c', b)) stored);
create index on t using gin (to_tsvector('c'::regconfig, b));
