create table lines (country text not null, number int not null, checked int, constraint number_seen check (number > 0)) partition by list (country);
create table lines_at partition of lines for values in ('at');
create table lines_de (country text constraint lines_de_own not null, number int constraint other_own not null, checked int, constraint number_seen check (number > 0));
create unique index lines_one on lines (country, number);
create table stops (country text, number int, note text) partition by list (country);
create table stops_at partition of stops for values in ('at');
alter table stops add constraint on_line foreign key (country, number) references lines (country, number);
create table calls (country text, number int, constraint on_line foreign key (country, number) references lines (country, number));
