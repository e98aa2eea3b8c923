create schema a; create schema "New One";
create table a.t (id int);
create table "New One"."T" ("Id" int primary key, "order" text, "sel""ect" int);
create table keeps (x int references "New One"."T");
create view a."V" as select "Id", "order" from "New One"."T";
