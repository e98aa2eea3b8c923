select a, id from p order by 1;
