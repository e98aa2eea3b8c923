create table z (a int primary key, b text, c varchar(5));
create view v1 as select * from z where b = (select 'x');
create view v2 as select * from z where a > (select -1) and exists (select null);
create view v3 as select * from z where b in (select 'q' from z y union select 'r');
create view v4 as select (select 'x'), (select 'y' collate "C") as k, array(select 'x') as l, 1 + (select -2) as m, (select null::int) as n;
create view v5 as select * from z where b = any (select distinct 'x' from z group by a having a > -1 order by 1 limit 1) and b <> (select ('{a}'::text[])[1]);
create view v6 as select * from z where b = (with w as (select 'x') select * from w);
create view v7 as select * from z where (b, c) in (select 'x', case when a > 1 then 'f' else c end from z) and (b, 'x') = (select 'a', 'b');
create view v8 as select * from z where b = (select 'x' as "?column?") and a = (select a from z y where b = (select 'k')) and c = (select max('x'));
create materialized view m as select * from z where b = (select 'x' collate "C");
create policy p on z using (b = (select 'x' from z limit 1));
create policy s on z for select using (b = 'x');
create function f1() returns text language sql begin atomic select 'x'; end;
create function f2() returns text language sql begin atomic insert into z values (1) returning 'x'; end;
create function f3() returns text language sql begin atomic values ('x'); select 'x' union all select 'y'; select null; end;
create function f4() returns int language sql begin atomic select 'a, b', a, z.b, z.*, -1, 'x', count(*) over (), interval '1 day', b'101', date '2020-01-01', 1.5, -2.5,
 99999999999, 'x'::name, true, current_date, (1, 2), row(1)::text, array[1], '{}'::jsonb, 'x' like 'y', a is null, (z.*)::text, -a, a::bigint, z from z; select 1; end;
create function f5() returns text language sql return (select 'x');
create function f6() returns void language sql begin atomic
 update z set (b, c) = (select 'x', 'y'), a = z.a + 1 where z.c in ('a', 'b'); insert into z (a, b) select 1, 'q'; delete from z returning 'a', -1; end;
create rule r1 as on update to z do also select 'x', old.*;
create rule r2 as on delete to z do instead update z set (b, c) = (select 'x', 'y') where z.a = old.a;
create rule r3 as on insert to z do also insert into z (a, b) select 1, 'q' where new.a > 5;
