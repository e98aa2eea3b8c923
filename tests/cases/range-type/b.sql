create type fr as range (subtype = numeric);
create type tr as range (subtype = text, collation = "C");
create table t (a fr, b tr);
