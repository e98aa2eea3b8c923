create table p (a int not null, constraint ck check (a > 0)); create table c () inherits (p);
comment on constraint ck on p is 'p'; comment on constraint ck on c is 'c'; comment on column c.a is 'cc';
