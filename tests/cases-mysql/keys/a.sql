CREATE TABLE parents (id int PRIMARY KEY, code varchar(10), UNIQUE KEY by_code (code));
CREATE TABLE children (
    id int PRIMARY KEY,
    parent int,
    kind int,
    KEY by_parent (parent),
    KEY by_kind (kind),
    CONSTRAINT child_of FOREIGN KEY (parent) REFERENCES parents (id)
);
