-- server: 14
-- Conditions inside conditions, which the server prints as it reads others.
create table t (a int, b int, c int, d text);
