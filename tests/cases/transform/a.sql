create function from_sql(internal) returns internal language internal immutable as 'prsd_lextype';
create function to_sql(internal) returns integer language internal immutable as 'prsd_lextype';
create transform for integer language plpgsql (from sql with function from_sql(internal));
comment on transform for integer language plpgsql is 't';
