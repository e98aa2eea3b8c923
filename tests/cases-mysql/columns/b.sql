CREATE TABLE users (
    id bigint PRIMARY KEY AUTO_INCREMENT,
    email varchar(100) NULL,
    age bigint DEFAULT 21,
    name varchar(80) NOT NULL DEFAULT 'nobody',
    note text COMMENT 'other',
    created datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    score decimal(10,2) NOT NULL DEFAULT 0
) COMMENT='people';
