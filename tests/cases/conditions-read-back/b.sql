create table t (a int, b int, c int, d text,
 constraint k1 check (a between 1 and 5 and b > 2),
 constraint k2 check (a not between 1 and 5 or b > 2),
 constraint k3 check (a in (b, c, 3)),
 constraint k4 check (a not in (b, c, 3) and b > 1),
 constraint k5 check ((a, b) <> (1, 2) or c > 1),
 constraint k6 check ((a, b) = (1, 2) and c > 1),
 constraint k7 check (a between 1 and 5 and b between 2 and 3 and c > 1),
 constraint k8 check ((a between 1 and 5 or b > 1) and c > 2 and not (a between symmetric 3 and 4)));
create view v as select * from t where a between 1 and 5 and b > 2 and d = 'x' or c in (a, b, 7);
create index i on t (a) where a between 1 and 5 and b > 2;
create view w as select (a between 1 and 5 and b > 2)::int as x, case when a not in (b, c, 1) then 1 end as y from t;
create policy p on t using (a between 1 and 5 and b > 2) with check (c in (a, b, 7) or d is null);
create domain small as int constraint positive check (value not between 10 and 20 or value is null);
create table u (a int, b int, x boolean generated always as (a between 1 and 5 and b > 2) stored, n int4range,
 constraint e exclude using gist (n with &&) where (a in (b, 3) or b > 2));
create index j on u ((a between 1 and 5 and b > 2));
create trigger changed before update on u for each row when (new.a between 1 and 5 and new.b > 2)
 execute function suppress_redundant_updates_trigger();
create statistics s on (a between 1 and 5 and b > 2), (b > 1) from u;
create rule r as on update to u where new.a between 1 and 5 and new.b > 2 do also delete from t where a between 1 and 5 and b > 2;
create function f(a int, b int default case when 1 not between 2 and 3 or true then 5 end) returns boolean
 language sql return (a between 1 and 5 and b > 2);
