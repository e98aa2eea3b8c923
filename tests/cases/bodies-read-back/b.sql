create table z (a int primary key, b text, c varchar(5));
create table y (a int references z, k int generated always as identity, b text);
create function f1(x int default 1, variadic r text[] default '{}') returns setof z language sql begin atomic
 insert into z as zz (a, b) values (x, default), (2, 'q') on conflict (a) do update set b = excluded.b || zz.b where zz.a > 1 returning zz.*; end;
create function f2() returns int language sql begin atomic
 delete from y using z where z.a = y.a;
 with w as (delete from y returning k) insert into z select k, 'x' from w on conflict do nothing;
 merge into z using y on z.a = y.a when matched and y.k > 1 then update set b = y.b when matched then delete when not matched then insert (a, b) values (y.a, y.b);
 insert into y overriding system value select a, 1, b from z;
 select count(*)::int from z; end;
create procedure p1(inout a int, b varchar = 'x') language sql begin atomic; select 1; end;
create function f4(a int) returns table (x int, y text) language sql rows 5 begin atomic; select z.a, z.b from z where z.a = f4.a; end;
create function f5(int, int) returns int language sql immutable strict parallel safe cost 3 return case when $1 > $2 then $1 else $2 end;
create function f6(z) returns text language sql stable return ($1).b || coalesce(($1).c, 'n');
create view v1 as select f6(z) as t, z.*, (z).b as bb, row(z.*) is null as rn from z;
create rule r1 as on insert to z where new.b in ('a', 'b') do also (update y set b = new.b where y.a = new.a; delete from y where a = new.a; insert into y (a, b) select new.a, x from unnest(array['q']) x; select new.*);
create rule r2 as on update to z where old.b is distinct from new.b do instead nothing;
create view v2 as select a, b from z; create rule r3 as on update to v2 do instead update z set a = new.a, b = new.b where z.a = old.a returning z.a, z.b;
create function tf() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger t1 before update of a, b on z for each row when (old.* is distinct from new.* and (new.c in ('a','b') or old.c is null)) execute function tf('a', '', 'it''s', '\x');
create constraint trigger t2 after insert or update on y from z deferrable for each row when (new.a between 1 and 2) execute function tf();
create domain d1 as numeric(5,2) default 1.5 constraint c1 check (value > 0 and value <> all (array[1.0, 2.0])) not null;
create domain d2 as varchar(3)[] check (array_length(value, 1) > 0 and 'a' = any (value));
create table t (a d1, b d2 default '{a}', c int check (c in (1, 2, 3)) check (c <> 5 or a > 2), d char(2) check (d in ('a', 'b')), e name check (e in ('a', 'b')), f text check (f in ('a','b') and f !~ 'x' and f similar to '(a|b)%'), g "char" check (g in ('a','b')), h date check (h in ('2020-01-01', 'today'::date)), i interval check (i in (interval '1 day')), j varchar(4)[] check (j <@ array['a','b']::varchar[]), k bpchar check (k like 'a%'), l varchar check (lower(l) in ('a','b')), m varchar check (m::text = any ('{a,b}'::text[])), n varchar check ((n, n) in (('a','b'))), o varchar check (case when o in ('a','b') then true else o not in ('c') end), p varchar check (coalesce(p in ('a','b'), false)), q varchar check (not (q in ('a','b')) and q <> any (array['x', 'y']::varchar[])), r text check (r in (b[1], d)), s varchar check (s in (l, m, 'x')));
