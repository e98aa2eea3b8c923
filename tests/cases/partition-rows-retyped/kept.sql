select id, c::integer, d from p union all select id, c::integer, d from other order by 1, 2
