-- server: 15
create table t (a integer primary key, b text, c integer);
create recursive view up (n, path) as select a, b from t where c is null union all select t.a, up.path || t.b from t join up on t.c = up.n;
create view simple with (check_option = local) as select a, b from t where a > 0;
create view over_simple as select a from simple where a < 10 with cascaded check option;
alter view simple alter column b set default 'none';
create view grouped as select c, count(*), string_agg(b, ',' order by a desc) filter (where a > 1) as l from t group by grouping sets ((c), ());
create view windows as select a, row_number() over w as r, lag(b, 1, 'x') over (partition by c order by a) as p from t window w as (order by a range between 1 preceding and current row);
create view laterals as select t.a, s.* from t cross join lateral (select t.a * 2 as twice, x from generate_series(1, t.a) with ordinality as g (x, o)) s;
create view values_view (x, y) as values (1, 'a'), (2, 'b');
create view ctes as with recursive r (n) as (select 1 union select n + 1 from r where n < 5), m as materialized (select * from t) select r.n, m.b from r left join m on m.a = r.n;
create view in_sample as select * from t tablesample bernoulli (10) repeatable (1);
create function no() returns trigger language plpgsql as 'begin return new; end';
create trigger instead instead of insert or update on grouped for each row execute function no();
create rule r as on delete to windows do instead delete from t where t.a = old.a;
grant select (a), insert (b) on simple to public;
comment on column grouped.l is 'list';
