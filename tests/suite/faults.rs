//! What goes wrong with servers and SQL: each ends in time, with a clear message, and leaves nothing behind.
