//! What HCL leaves to be known: which extension a type or an operator class is of, and which access method an operator class is for.
//!
//! PostgreSQL's own extensions, pgvector and PostGIS. A test holds it against a real server's catalogs. What is not here is left for
//! Postgres to judge.

/// Types by extension.
const TYPES: &[(&str, &[&str])] = &[
    ("citext", &["citext"]),
    ("cube", &["cube"]),
    ("earthdistance", &["earth"]),
    ("hstore", &["hstore"]),
    ("intarray", &["query_int"]),
    ("isn", &["ean13", "isbn", "isbn13", "ismn", "ismn13", "issn", "issn13", "upc"]),
    ("lo", &["lo"]),
    ("ltree", &["lquery", "ltree", "ltxtquery"]),
    ("postgis", &["box2d", "box3d", "geography", "geometry"]),
    ("seg", &["seg"]),
    ("vector", &["halfvec", "sparsevec", "vector"]),
];

/// Operator classes that are not a btree's: extension (or none), access methods with the one to take first, names.
const CLASSES: &[(&str, &[&str], &[&str])] = &[
    (
        "vector",
        &["hnsw", "ivfflat"],
        &[
            "bit_hamming_ops",
            "halfvec_cosine_ops",
            "halfvec_ip_ops",
            "halfvec_l2_ops",
            "vector_cosine_ops",
            "vector_ip_ops",
            "vector_l2_ops",
        ],
    ),
    (
        "vector",
        &["hnsw"],
        &[
            "bit_jaccard_ops",
            "halfvec_l1_ops",
            "sparsevec_cosine_ops",
            "sparsevec_ip_ops",
            "sparsevec_l1_ops",
            "sparsevec_l2_ops",
            "vector_l1_ops",
        ],
    ),
    ("pg_trgm", &["gin"], &["gin_trgm_ops"]),
    ("pg_trgm", &["gist"], &["gist_trgm_ops"]),
    ("hstore", &["gin"], &["gin_hstore_ops"]),
    ("hstore", &["gist"], &["gist_hstore_ops"]),
    ("intarray", &["gin"], &["gin__int_ops"]),
    ("intarray", &["gist"], &["gist__int_ops", "gist__intbig_ops"]),
    ("ltree", &["gist"], &["gist__ltree_ops", "gist_ltree_ops"]),
    ("cube", &["gist"], &["gist_cube_ops"]),
    ("seg", &["gist"], &["gist_seg_ops"]),
    ("", &["gin"], &["jsonb_path_ops"]),
    ("", &["gist"], &["circle_ops", "point_ops"]),
    ("", &["gist", "spgist"], &["box_ops", "poly_ops"]),
    ("", &["spgist"], &["kd_point_ops", "quad_point_ops"]),
];

/// Ends of names of Postgres's own operator classes for BRIN.
const BRIN: &[&str] = &["_minmax_ops", "_minmax_multi_ops", "_bloom_ops", "_inclusion_ops"];

/// The extension that a type is of.
pub(super) fn extension_of_type(name: &str) -> Option<&'static str> {
    TYPES.iter().find(|(_, types)| types.contains(&name)).map(|(extension, _)| *extension)
}

/// The extension that an operator class is of, and the access methods that it is for. None for a btree's and for an unknown one.
pub(super) fn operator_class(name: &str) -> Option<(Option<&'static str>, &'static [&'static str])> {
    let found = CLASSES.iter().find(|(_, _, names)| names.contains(&name));
    match found {
        Some((extension, methods, _)) => Some((Some(*extension).filter(|name| !name.is_empty()), methods)),
        None => BRIN.iter().any(|end| name.ends_with(end)).then_some((None, &["brin"][..])),
    }
}
