-- Keys that say the same: CREATE TABLE would make one of them.
create table s (id int);
