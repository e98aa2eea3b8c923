create table stays (id int primary key, a_id int);
