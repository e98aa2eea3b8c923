CREATE TABLE t (id int PRIMARY KEY, a varchar(20), b varchar(20) COLLATE utf8mb4_bin) DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
