select * from r2, p
