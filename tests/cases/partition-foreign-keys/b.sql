create table lines_new (country text not null, number int not null, checked int, constraint number_seen check (number >= 0)) partition by list (country);
create table lines_at (country text not null, number int not null, checked int, constraint number_seen check (number >= 0));
alter table lines_new attach partition lines_at for values in ('at');
create unique index lines_one on lines_new (country, number);
create table lines_de (country text constraint lines_de_own not null, number int constraint other_own not null, checked int);
create table stops (country text, number int, note text) partition by list (country);
create table stops_at partition of stops for values in ('at');
alter table stops add constraint on_line foreign key (country, number) references lines_new (country, number);
