-- server: 15
-- Bodies of functions and rules in SQL, and checks of domains and tables, as the server prints them.
create table z (a int primary key, b text, c varchar(5));
