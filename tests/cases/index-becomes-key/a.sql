-- server: 15
create table books (isbn text not null, shelf int not null, slot int, title text);
insert into books values ('1', 1, 1, 'x'), ('2', 1, 2, 'y');
create unique index books_by_isbn on books (isbn);
create unique index books_by_place on books (shelf, slot) include (title);
create unique index books_apart on books (slot, title) nulls not distinct;
create unique index books_lower on books (lower(isbn));
create table loans (isbn text references books (isbn), id int);
create unique index loans_id on loans (id);
comment on index loans_id is 'kept apart';
