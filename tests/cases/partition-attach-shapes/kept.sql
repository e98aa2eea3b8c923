select id, k, v from other_order
