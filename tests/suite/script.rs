//! Splitting, compared with psql itself.
