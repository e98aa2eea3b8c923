create table events (at date not null, kind integer not null, note text) partition by range (at, kind);
create table events_old partition of events for values from (minvalue, minvalue) to ('2024-01-01', 0);
create table events_2024 partition of events for values from ('2024-01-01', 0) to ('2025-01-01', 0);
create table events_rest partition of events default;
insert into events values ('2023-05-01', 1, 'a'), ('2023-12-31', 7, 'b'), ('2024-03-01', 2, 'c'), ('2024-11-11', 3, 'd'),
    ('2025-02-02', 4, 'e'), ('2026-01-01', 5, 'f');
create function halves() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger touches before insert on events for each row execute function halves();
