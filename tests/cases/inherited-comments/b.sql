create table p (a int not null, constraint ck check (a > 0)); create table c () inherits (p);
comment on constraint ck on p is 'p2'; comment on column c.a is 'cd';
