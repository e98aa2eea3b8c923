-- server: 15
create schema s;
create table t (a integer primary key, b text, c text);
create table u (a integer primary key, b text);
create table gone (a integer);
create publication everything for all tables;
create publication partly for table t (a, b) where (a > 1), gone;
create publication schemas for tables in schema s;
create publication dropped for table u;
comment on publication partly is 'some';
