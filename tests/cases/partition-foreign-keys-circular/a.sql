-- Tables that look up each other, and themselves, become partitions, and one whose rows look up what is there only then.
create table p (k integer not null, q integer, up integer, primary key (k)) partition by list (k);
create table p0 partition of p for values in (0);
create table q (k integer not null, p integer, primary key (k)) partition by list (k);
create table q0 partition of q for values in (0);
create table p1 (k integer not null, q integer, up integer, primary key (k));
create table q1 (k integer not null, p integer, primary key (k));
create table r (k integer not null, q integer) partition by list (k);
create table r1 (k integer not null, q integer);
alter table p add foreign key (q) references q (k);
alter table q add foreign key (p) references p (k);
alter table p add constraint p_up foreign key (up) references p (k);
alter table r add foreign key (q) references q (k);
insert into p values (0, null, 0);
insert into q values (0, 0);
insert into p1 values (1, 0, 0);
insert into q1 values (1, 0);
insert into r1 values (1, 1);
