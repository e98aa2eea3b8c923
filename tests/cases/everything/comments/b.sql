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
comment on subscription n3_sub is 'new';
comment on function s.akeys(s.hstore) is 'two ''48''
';
comment on type s.hstore is 'one 49';
