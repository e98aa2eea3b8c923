select (select array_agg(t) from t), (select array_agg(u) from u), (select array_agg(p) from p)
