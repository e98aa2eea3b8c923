-- server: 15
create access method heap2 type table handler heap_tableam_handler;
create access method heap3 type table handler heap_tableam_handler;
create table t (a integer primary key, b text);
create index t_b on t (b);
create view v as select a from t;
create table u (a integer) using heap2;
create table w (a integer) using heap3;
create materialized view m as select a from t;
create table p (k integer) partition by list (k);
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) using heap2;
create index p_k on p (k);
insert into t values (1, 'x');
insert into u values (1);
insert into p values (1), (2);
