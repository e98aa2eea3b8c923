select id, e, ea, c from s.t union all select v, k, null, null from s.p order by 1;
