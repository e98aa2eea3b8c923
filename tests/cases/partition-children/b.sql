create table m (id int not null, at date not null, v text default 'x', w int check (w > 0), primary key (id, at)) partition by range (at);
create table m_2024 partition of m for values from ('2024-01-01') to ('2025-01-01');
create table m_2025 partition of m for values from ('2025-01-01') to ('2026-01-01') partition by list (id);
create table m_2025_1 partition of m_2025 for values in (1, 2);
create table m_2025_rest partition of m_2025 default;
create table m_default partition of m default;
create index m_v on m (v);
create index m_w on m (w) where w > 5;
alter table m_2025_1 alter column v set default 'y';
