create type "Mixed Case" as enum ('it''s', 'back\slash', '"new"');
create table "User Data" ("select" bigint primary key, "Ünïcode" text default E'back\\slash''s', "with ""quotes""" int not null, "m" "Mixed Case" default 'it''s');
create index "Index Of""It" on "User Data" ("Ünïcode", "with ""quotes""");
create view "A View" as select "select" as "from" from "User Data";
create sequence "Sequence.With.Dots";
alter table "User Data" add constraint "check" check ("select" > 0);
create table no_columns ();
