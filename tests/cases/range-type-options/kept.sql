select a from t
