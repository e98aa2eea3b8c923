CREATE TABLE parents (id bigint PRIMARY KEY, code varchar(20), UNIQUE KEY by_code (code));
CREATE TABLE children (
    id int,
    parent bigint,
    kind int,
    PRIMARY KEY (id),
    KEY by_parent (parent),
    KEY by_kind (kind, id),
    CONSTRAINT child_of FOREIGN KEY (parent) REFERENCES parents (id) ON DELETE CASCADE
);
CREATE TABLE more (id int PRIMARY KEY, child int, CONSTRAINT more_of FOREIGN KEY (child) REFERENCES children (id));
