CREATE TABLE sv (id int PRIMARY KEY, a bigint);
CREATE TABLE sv2 (id int PRIMARY KEY, a int, b int WITHOUT SYSTEM VERSIONING) WITH SYSTEM VERSIONING;
CREATE TABLE ft (id int PRIMARY KEY, body text, title varchar(100), FULLTEXT KEY fbody (body, title));
CREATE TABLE sp (id int PRIMARY KEY, g point NOT NULL, h geometry NOT NULL, i polygon NOT NULL, SPATIAL KEY sh (h));
CREATE TABLE inv (id int PRIMARY KEY, a int, b int INVISIBLE DEFAULT 5, KEY kb (b));
CREATE TABLE u (id uuid PRIMARY KEY, ip varchar(50), n int DEFAULT (2 * 2), KEY kip (ip));
CREATE TABLE ari (id int PRIMARY KEY) ENGINE=InnoDB;
CREATE TABLE comp (id int PRIMARY KEY, b blob);
CREATE TABLE rf (id int PRIMARY KEY) ROW_FORMAT=DYNAMIC;
