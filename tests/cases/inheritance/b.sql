create table animal (id int primary key, name varchar(40) not null default 'y', legs int check (legs >= 0));
create table dog (breed text, constraint dog_legs check (legs = 4)) inherits (animal);
create table fish (fins int default 2) inherits (animal);
alter table fish alter column name set default 'fish';
create table cat (id int, name text);
