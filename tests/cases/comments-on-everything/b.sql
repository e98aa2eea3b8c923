-- server: 15
-- roles: n2_user n2_other n2_owner
create schema s;
create extension hstore schema s;
create type e as enum ('a');
create domain d as integer not null constraint positive check (value > 0);
create type comp as (a integer);
create type r as range (subtype = integer);
create sequence q;
create table t (a integer primary key, b text constraint long check (length(b) > 2), c integer constraint ref references t);
create table p (k integer) partition by list (k);
create table p1 partition of p for values in (1);
create unlogged table un (a integer);
create index t_b on t (b);
create statistics st on a, b from t;
create view v as select a from t;
create materialized view m as select a from t;
create function f(integer) returns integer language sql immutable strict as 'select 1';
create procedure pr(integer) language sql as 'select 1';
create aggregate ag(integer) (sfunc = int4pl, stype = integer);
create function tf() returns trigger language plpgsql as 'begin return new; end';
create trigger tr before insert on t for each row execute function tf();
create function ef() returns event_trigger language plpgsql as 'begin end';
create event trigger et on ddl_command_end execute function ef();
create rule ru as on delete to t do also select 1;
create policy po on t using (true);
create operator === (function = int4eq, leftarg = integer, rightarg = integer);
create operator family fam using btree;
create operator class cls for type integer using hash as operator 1 =, function 1 hashint4(integer);
create cast (comp as e) with inout;
create collation c (provider = libc, locale = 'C');
create conversion conv for 'LATIN1' to 'UTF8' from iso8859_1_to_utf8;
create language lang handler plpgsql_call_handler;

create access method heap2 type table handler heap_tableam_handler;
create text search dictionary dict (template = simple);
create text search configuration cfg (copy = simple);
create text search parser par (start = prsd_start, gettoken = prsd_nexttoken, end = prsd_end, lextypes = prsd_lextype);
create text search template tem (lexize = dsimple_lexize);
create foreign data wrapper w;
create server srv foreign data wrapper w;
create user mapping for n2_user server srv;
create foreign table ft (a integer) server srv;
create publication pub for table t;
create subscription n3_sub_c connection 'host=127.0.0.1 port=1 dbname=x' publication p with (connect = false, slot_name = none);
comment on schema s is 'two ''0''
';
comment on extension hstore is 'one 1';
comment on domain d is 'new';
comment on constraint positive on domain d is 'two ''4''
';
comment on type comp is 'one 5';
comment on type r is 'new';
comment on sequence q is 'two ''8''
';
comment on table t is 'one 9';
comment on constraint long on t is 'new';
comment on constraint ref on t is 'two ''12''
';
comment on constraint t_pkey on t is 'one 13';
comment on index t_pkey is 'new';
comment on table p is 'two ''16''
';
comment on column p1.k is 'one 17';
comment on view v is 'new';
comment on column v.a is 'two ''20''
';
comment on materialized view m is 'one 21';
comment on function f(integer) is 'new';
comment on procedure pr(integer) is 'two ''24''
';
comment on aggregate ag(integer) is 'one 25';
comment on event trigger et is 'new';
comment on rule ru on t is 'two ''28''
';
comment on policy po on t is 'one 29';
comment on operator family fam using btree is 'new';
comment on operator class cls using hash is 'two ''32''
';
comment on cast (comp as e) is 'one 33';
comment on conversion conv is 'new';
comment on language lang is 'two ''36''
';
comment on access method heap2 is 'one 37';
comment on text search configuration cfg is 'new';
comment on text search parser par is 'two ''40''
';
comment on text search template tem is 'one 41';
comment on server srv is 'new';
comment on foreign table ft is 'two ''44''
';
comment on column ft.a is 'one 45';
comment on subscription n3_sub_c is 'new';
comment on function s.akeys(s.hstore) is 'two ''48''
';
comment on type s.hstore is 'one 49';
