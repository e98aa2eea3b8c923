-- server: 17
-- What the server prints must be read back as it was: IN, casts, joins, VALUES, JSON, XML and the like.
create table t (x varchar(10), y char(3), d date, n numeric, e text);
