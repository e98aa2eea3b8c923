-- server: 14
-- Views that are read by what they read: they come and go without their query.
create table t (a int, b text);
create view kept as select a, b from t;
create function kept_of(x kept) returns int language sql return x.a;
