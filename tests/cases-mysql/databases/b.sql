CREATE DATABASE one;
CREATE DATABASE `two; too` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
USE one;
CREATE TABLE t (id int PRIMARY KEY, n int);
CREATE TABLE `two; too`.`odd ``name` (id int PRIMARY KEY, `a column` int);
CREATE VIEW first_view AS SELECT id, n FROM t;
CREATE VIEW a_view AS SELECT id FROM first_view;
CREATE VIEW v AS SELECT id + 1 AS id FROM a_view;
