create table books (isbn text not null constraint books_pkey primary key, shelf int not null, slot int, title text,
  constraint place unique (shelf, slot) include (title) deferrable initially deferred,
  constraint books_apart unique nulls not distinct (slot, title));
insert into books values ('1', 1, 1, 'x'), ('2', 1, 2, 'y');
create unique index books_lower on books (lower(isbn));
create table loans (isbn text references books (isbn), id int constraint loans_id unique);
