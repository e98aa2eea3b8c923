-- server: 15
-- tablespaces: n5_fast n5_slow
create table t (a integer primary key using index tablespace n5_fast, b text, c integer, constraint uq unique (b) using index tablespace n5_slow, constraint x exclude (c with =) using index tablespace n5_fast) tablespace n5_fast;
create index i on t (b) tablespace n5_slow;
create index j on t (c);
create table u (a integer);
create table w (a text primary key) tablespace n5_slow;
create materialized view m tablespace n5_fast as select a from t;
create unique index mi on m (a) tablespace n5_slow;
create table p (k integer, v text, primary key (k) using index tablespace n5_fast) partition by list (k) tablespace n5_fast;
create table p1 partition of p for values in (1);
create table p2 partition of p for values in (2) tablespace n5_slow;
create index pi on p (v) tablespace n5_slow;
insert into t values (1, 'x', 2);
insert into p values (1, 'x'), (2, 'y');
