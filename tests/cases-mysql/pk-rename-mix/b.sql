-- @renamed from=users
CREATE TABLE accounts (
  -- @renamed from=user_id
  id bigint NOT NULL AUTO_INCREMENT, mail varchar(100) NOT NULL, PRIMARY KEY (id), UNIQUE KEY e (mail));
CREATE TABLE posts (id int PRIMARY KEY AUTO_INCREMENT, author bigint NOT NULL, body longtext, created datetime DEFAULT CURRENT_TIMESTAMP, KEY ka (author), CONSTRAINT pa FOREIGN KEY (author) REFERENCES accounts (id));
CREATE VIEW pv AS SELECT p.id, u.mail, p.created FROM posts p JOIN accounts u ON u.id = p.author;
