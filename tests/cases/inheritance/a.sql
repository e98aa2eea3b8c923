create table animal (id int primary key, name text not null default 'x');
create table dog (breed text) inherits (animal);
create table cat (id int, name text);
