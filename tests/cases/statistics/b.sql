create table t (a integer, b bigint, c text);
create statistics kept on a, b from t;
create statistics changed (ndistinct, dependencies) on a, b from t;
create statistics made on (a + b), lower(c) from t;
create statistics target on b, c from t;
alter statistics kept set statistics 10;
comment on statistics kept is 'of two columns';
