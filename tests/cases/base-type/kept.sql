select id, k from uses_kept; select * from uses_changed;
