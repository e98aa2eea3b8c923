select (r).a, (r).b, r is distinct from null from u;
