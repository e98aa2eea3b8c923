create table other (id int primary key);
create table m (area text not null, o int constraint to_other references other) partition by list (area);
create table m_a partition of m for values in ('a', 'c');
create table m_b partition of m for values in ('b');
