select * from users order by id; select * from flags order by v;
