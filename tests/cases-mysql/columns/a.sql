CREATE TABLE users (
    id bigint PRIMARY KEY AUTO_INCREMENT,
    name varchar(40) NOT NULL,
    age int DEFAULT 18,
    note text COMMENT 'it''s a note; with a semicolon',
    created datetime DEFAULT CURRENT_TIMESTAMP,
    gone int
);
