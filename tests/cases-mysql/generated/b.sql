CREATE TABLE t (id int PRIMARY KEY, a bigint, b int GENERATED ALWAYS AS (a + 2) STORED, c int GENERATED ALWAYS AS (a * 2) VIRTUAL, KEY by_c (c), d varchar(5));
