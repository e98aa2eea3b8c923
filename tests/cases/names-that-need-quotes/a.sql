create table "User Data" ("select" int primary key, "Ünïcode" text, "with ""quotes""" int);
create type "Mixed Case" as enum ('it''s', 'back\slash');
