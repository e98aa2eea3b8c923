create table ref (id int primary key);
create table p (k int references ref, v text, constraint v_len check (length(v) < 10), unique (k, v)) partition by hash (k);
create table p0 partition of p for values with (modulus 2, remainder 0);
create table p1 partition of p for values with (modulus 2, remainder 1);
