-- Tables that are made anew and wait meanwhile let go of a function that is replaced.
create function f(a int) returns int language sql immutable as 'select 1';
create table t (k int not null, v text not null, g int generated always as (f(k)) stored, constraint t_check check (f(k) > 0)) partition by range (k);
create table t1 partition of t for values from (1) to (10);
create index t_i on t (f(k));
create statistics t_s on (f(k)), v from t;
create policy p on t using (f(k) > 0);
create rule r as on update to t where f(new.k) > 5 do nothing;
alter table t alter v set default f(3)::text;
create table part (k int, constraint c check (f(k) > 0));
create table u (k int, constraint u_c check (f(k) > 0)) partition by list (k);
create table u1 partition of u for values in (1);
