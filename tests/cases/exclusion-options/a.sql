create table zone (id int, area circle, span int4range, constraint apart exclude using gist (area with &&) with (fillfactor = 40), constraint spans exclude using gist (span with &&) where (id > 0));
