create domain d1 as text constraint short check (length(value) < 20) default 'y';
create domain d2 as int;
create domain d3 as bigint constraint positive check (value > 0);
create domain new as varchar(10) collate "C" not null check (value <> '');
create table t (a d1, b d2, c d3, e d3[], f new);
create view v as select c from t;
