create function from_sql(internal) returns internal language internal immutable as 'prsd_lextype';
create function to_sql(internal) returns integer language internal immutable as 'prsd_lextype';
create transform for integer language plpgsql (from sql with function from_sql(internal), to sql with function to_sql(internal));
create transform for text language sql (from sql with function from_sql(internal));
create function uses(integer) returns integer transform for type integer language plpgsql as 'begin return 1; end';
comment on transform for integer language plpgsql is 't2';
