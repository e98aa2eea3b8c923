create table meters (area text not null, value int, unit text not null, seen int) partition by list (area);
create table meters_a (area text constraint area_a not null, value int constraint value_a not null, unit text constraint unit_a not null, seen int not null);
alter table meters attach partition meters_a for values in ('a');
create table meters_b partition of meters for values in ('b');
