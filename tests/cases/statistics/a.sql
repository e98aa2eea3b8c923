-- server: 14
-- (statistics of expressions)
create table t (a integer, b integer, c text);
create statistics kept on a, b from t;
create statistics changed (ndistinct) on a, b from t;
create statistics gone (mcv) on a, c from t;
create statistics target on b, c from t;
alter statistics target set statistics 500;
comment on statistics kept is 'of two';
