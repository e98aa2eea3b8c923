select id, region, amount, doubled from orders order by id; select * from lines order by id;
