create table parent (id int primary key, code varchar(5) unique);
create table child (id int primary key, parent_id int references parent on delete cascade, code text references parent (code));
