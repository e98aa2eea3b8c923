create table other (id int primary key);
create table m (area text not null, o int constraint to_other references other) partition by list (area);
create table n (area text not null, o int constraint to_other references other) partition by list (area);
create table m_a partition of n for values in ('a');
