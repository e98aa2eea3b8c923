select id, a, b from t;
