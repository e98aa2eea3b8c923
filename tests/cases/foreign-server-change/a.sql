create foreign data wrapper w; create foreign data wrapper w2;
create server s1 type 't' foreign data wrapper w;
create user mapping for public server s1 options (u 'x');
create foreign table ft (a int) server s1;
create server s2 foreign data wrapper w;
create foreign table gt (a int) server s2;
create view v as select * from gt;
