select a, b from t union all select a, b from u order by 1;
