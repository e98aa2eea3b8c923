-- server: 15
create unlogged sequence s3;
create unlogged table u (id serial, a int generated always as identity);
create table l (id serial, a int generated always as identity);
