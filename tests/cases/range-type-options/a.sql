-- server: 14
create function diff(real, real) returns double precision language sql immutable strict as 'select $1::float8 - $2';
create type span as range (subtype = real, subtype_diff = diff);
create type words as range (subtype = text, collation = "C", multirange_type_name = many_words);
create type years;
create function years_canonical(years) returns years language internal immutable strict as 'int4range_canonical';
create type years as range (subtype = integer, canonical = years_canonical);
create table t (a span, b words default '[a,b)', c many_words, d years, e span_multirange);
create index on t using gist (a);
create function f(words) returns many_words language sql as 'select many_words($1)';
create view v as select b, f(b) as f from t;
create table u (y years, exclude using gist (y with &&));
comment on type words is 'words';
grant usage on type span to public;
insert into t (a) values ('[1,2]');
