-- server: 15
create sequence s3 start 3;
create table u (id serial, a int generated always as identity);
create unlogged table l (id serial, a int generated always as identity);
alter sequence l_id_seq set logged;
