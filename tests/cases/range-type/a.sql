create type fr as range (subtype = float8);
create table t (a fr);
