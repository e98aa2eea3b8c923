-- server: 15
create table t (a integer, b text, c tsvector, d point, e int4range, f jsonb, g timestamp, h integer[]);
create index i1 on t using spgist (d);
create index i2 on t using gist (c tsvector_ops (siglen = 100)) with (fillfactor = 80);
create index i3 on t using brin (g timestamp_minmax_multi_ops (values_per_range = 16), a int4_bloom_ops) with (pages_per_range = 32);
create index i4 on t using hash (b);
create index i5 on t using gin (f jsonb_path_ops, h) with (fastupdate = off);
create unique index i6 on t (b collate "C" desc nulls last, a) include (g) where a > 0;
create index i7 on t (lower(b) text_pattern_ops, (a + 1), b varchar_pattern_ops desc);
create unique index i8 on t (a) nulls not distinct;
create index i9 on t using gist (e, d) include (a);
alter index i7 alter column 2 set statistics 300;
comment on index i7 is 'seven';
alter table t cluster on i7;
