-- What the schema needs of the server. The files run in the order of their names, as one psql session would run them.
CREATE EXTENSION IF NOT EXISTS vector;
