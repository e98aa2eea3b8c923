-- server: 15
create table t (a integer, b integer, c integer default 0, primary key (a, b), unique (a, b, c));
create table r1 (a integer, b integer, constraint k foreign key (a, b) references t on delete set null);
create table r2 (a integer, b integer default 1, constraint k foreign key (a, b) references t on delete set null (b) on update cascade);
create table r3 (a integer, b integer, constraint k foreign key (a, b) references t match full deferrable);
create table r4 (a integer, b integer, constraint k foreign key (a, b) references t on delete cascade not valid);
create table r5 (a integer, b integer, c integer, constraint k foreign key (a, b, c) references t (a, b, c));
create table r6 (a integer, b integer, constraint k foreign key (a, b) references t);
create table r7 (x integer, y integer, constraint k foreign key (x, y) references t (a, b));
create table p (a integer, b integer, constraint k foreign key (a, b) references t on delete set default (a)) partition by list (a);
create table p1 partition of p for values in (1);
comment on constraint k on r6 is 'kept';
insert into t values (1, 1, 1);
insert into r2 values (1, 1);
insert into p values (1, 1);
