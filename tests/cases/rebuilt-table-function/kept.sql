select count(*), sum(mark) from events;
