CREATE TABLE users (user_id int NOT NULL AUTO_INCREMENT, email varchar(100) NOT NULL, PRIMARY KEY (user_id), UNIQUE KEY e (email));
CREATE TABLE posts (id int PRIMARY KEY AUTO_INCREMENT, author int NOT NULL, body text, KEY ka (author), CONSTRAINT pa FOREIGN KEY (author) REFERENCES users (user_id) ON DELETE CASCADE);
CREATE VIEW pv AS SELECT p.id, u.email FROM posts p JOIN users u ON u.user_id = p.author;
