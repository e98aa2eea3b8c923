create table p (k integer, v text) partition by list (k);
create index p_v on p (v, k);
create table one (k integer, v text);
create index one_own on one (v, k);
create table two (k integer, v text);
create unique index two_own on two (v, k);
create table three (k integer, v text);
