select (select array_agg(id) from rooms), (select array_agg(valid) from stays)
