select * from p order by k; select * from q; select * from r;
