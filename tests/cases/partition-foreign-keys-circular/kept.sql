select 'p1', k, q from p1 union all select 'q1', k, p from q1 union all select 'r1', k, q from r1
