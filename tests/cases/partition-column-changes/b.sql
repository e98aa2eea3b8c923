create table p (k int, v text, w bigint default 4, added jsonb not null default '{}') partition by range (k);
create table p1 partition of p for values from (1) to (10);
create index p_v on p (v desc);
create view pv as select k, v from p;
