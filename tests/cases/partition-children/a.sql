create table m (id int not null, at date not null, v text default 'x', primary key (id, at)) partition by range (at);
create table m_2024 partition of m for values from ('2024-01-01') to ('2025-01-01');
create index m_v on m (v);
