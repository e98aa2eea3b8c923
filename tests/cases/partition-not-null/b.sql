create table meters (area text not null, value int not null, unit text, seen int) partition by list (area);
create table meters_a partition of meters for values in ('a');
alter table meters_a alter column unit set not null;
alter table meters_a alter column seen set not null;
create table meters_b partition of meters for values in ('b');
alter table meters_b alter column unit set not null;
