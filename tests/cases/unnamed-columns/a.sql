-- server: 15
-- Columns without a name whose expression the server prints with a cast: read again, the cast would give them one.
create table z (a int primary key, b text, c varchar(5));
