create table parent (id uuid primary key, code text unique);
create table child (id int primary key, parent_id uuid references parent on delete cascade, code text references parent (code));
