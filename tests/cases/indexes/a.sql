create table t (a int, b text, c jsonb, d int4range, e tsvector);
create index i1 on t (a);
create index i2 on t using gin (c);
create unique index i3 on t (a, b);
create index i4 on t using brin (a) with (pages_per_range = 16);
create index i5 on t (lower(b));
create index i6 on t (b text_pattern_ops);
create index i7 on t (a) with (fillfactor = 70);
alter index i5 alter column 1 set statistics 300;
