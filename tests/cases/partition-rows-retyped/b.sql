create table p (id integer not null, c boolean, d varchar(5)) partition by range (id);
create table p1 partition of p for values from (1) to (200);
create table other (id integer not null, c boolean, d text) partition by list (id);
create table other_1 partition of other for values in (1, 2);
alter table only p1 alter c set default true;
insert into p values (1, true, 'a'), (150, false, 'b');
insert into other values (1, true, 'a'), (2, true, 'b');
