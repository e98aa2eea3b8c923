create domain d1 as text check (length(value) < 10) default 'x';
create domain d2 as int not null;
create domain d3 as int constraint positive check (value > 0);
create domain gone as text;
create table t (a d1, b d2, c d3, e d3[]);
create view v as select c from t;
