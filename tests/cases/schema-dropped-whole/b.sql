create table keep (id int, e text);
