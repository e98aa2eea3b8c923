select (select array_agg(t) from t), (select array_agg(p) from p)
