//! What becomes of values when a column's type changes, judged by the types' names as `format_type` prints them.
//!
//! Knows the numeric, text, time, bit and vector families; of all others it only knows that they are others. What really happens is
//! measured by the replay: this is for what its rows do not show.

/// What a change of type does to values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Every value fits, and Postgres changes its catalog alone.
    Free,
    /// Every value fits, and the table is rewritten.
    Wider,
    /// Of the same family, with values that do not fit.
    Narrower,
    /// Another family: values are converted one by one, or refused.
    Other,
}

/// A type's name without its modifiers, and the modifiers: `numeric(10,2)` is `numeric` and `[10, 2]`.
pub fn parse(name: &str) -> (String, Vec<i64>) {
    let Some((before, rest)) = name.split_once('(') else { return (name.to_string(), Vec::new()) };
    let Some((inside, after)) = rest.split_once(')') else { return (name.to_string(), Vec::new()) };
    let numbers: Option<Vec<i64>> = inside.split(',').map(|number| number.trim().parse().ok()).collect();
    // `timestamp(3) without time zone`, `character varying(10)[]`
    (format!("{}{after}", before.trim_end()), numbers.unwrap_or_default())
}

/// A type's name without its modifiers.
pub fn base(name: &str) -> String {
    parse(name).0
}

/// Whether it is one of pgvector's types; their modifier is a dimension, which every value has.
pub fn is_vector(name: &str) -> bool {
    let name = base(name);
    matches!(name.rsplit('.').next().unwrap_or(&name), "vector" | "halfvec" | "sparsevec")
}

/// What a change from one type to another does.
pub fn fit(before: &str, after: &str) -> Fit {
    if before == after {
        return Fit::Free;
    }
    let (old, old_limits) = parse(before);
    let (new, new_limits) = parse(after);
    if let (Some(old), Some(new)) = (old.strip_suffix("[]"), new.strip_suffix("[]")) {
        // Arrays of a wider element are rewritten, whatever the element alone would need.
        let element = |name: &str, limits: &[i64]| if limits.is_empty() { name.to_string() } else { with_limits(name, limits) };
        return fit(&element(old, &old_limits), &element(new, &new_limits));
    }
    if is_vector(before) || is_vector(after) {
        return if old == new && new_limits.is_empty() { Fit::Free } else { Fit::Other };
    }
    let integers = ["smallint", "integer", "bigint"];
    let size = |name: &str| integers.iter().position(|known| *known == name);
    let floats = ["real", "double precision"];
    let float = |name: &str| floats.iter().position(|known| *known == name);
    match (old.as_str(), new.as_str()) {
        (a, b) if size(a).is_some() && size(b).is_some() => {
            if size(a) < size(b) {
                Fit::Wider
            } else {
                Fit::Narrower
            }
        }
        (a, b) if float(a).is_some() && float(b).is_some() => {
            if float(a) < float(b) {
                Fit::Wider
            } else {
                Fit::Narrower
            }
        }
        (a, "numeric") if size(a).is_some() => {
            let digits = [5, 10, 19][size(a).unwrap_or(2)];
            match new_limits.as_slice() {
                [] => Fit::Wider,
                [precision] if *precision >= digits => Fit::Wider,
                [precision, scale] if precision - scale >= digits => Fit::Wider,
                _ => Fit::Narrower,
            }
        }
        ("numeric", b) if size(b).is_some() || float(b).is_some() => Fit::Narrower,
        (a, b) if size(a).is_some() && float(b).is_some() => {
            if a == "bigint" || b == "real" {
                Fit::Narrower
            } else {
                Fit::Wider
            }
        }
        (a, b) if float(a).is_some() && size(b).is_some() => Fit::Narrower,
        ("numeric", "numeric") => numeric(&old_limits, &new_limits),
        (a, b) if is_text(a) && is_text(b) => text(a, &old_limits, b, &new_limits),
        ("bit varying", "bit varying") => limit(&old_limits, &new_limits),
        (a, b) if a == b => time(a, &old_limits, &new_limits),
        ("timestamp without time zone" | "timestamp with time zone", "date") => Fit::Narrower,
        ("date", "timestamp without time zone" | "timestamp with time zone") => Fit::Wider,
        ("json", "jsonb") | ("jsonb", "json") => Fit::Wider,
        ("cidr", "inet") => Fit::Free,
        _ => Fit::Other,
    }
}

fn with_limits(name: &str, limits: &[i64]) -> String {
    format!("{name}({})", limits.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
}

fn is_text(name: &str) -> bool {
    matches!(name, "text" | "character varying" | "character" | "\"char\"" | "citext" | "name")
}

/// `numeric(p,s)`: a larger precision at the same scale is free since 9.2.
fn numeric(old: &[i64], new: &[i64]) -> Fit {
    let parts = |limits: &[i64]| limits.first().map(|precision| (*precision, limits.get(1).copied().unwrap_or(0)));
    match (parts(old), parts(new)) {
        (_, None) => Fit::Free,
        (None, Some(_)) => Fit::Narrower,
        (Some((p, s)), Some((q, t))) if s == t => {
            if q >= p {
                Fit::Free
            } else {
                Fit::Narrower
            }
        }
        (Some((p, s)), Some((q, t))) => {
            if t > s && q - t >= p - s {
                Fit::Wider
            } else {
                Fit::Narrower
            }
        }
    }
}

fn text(old: &str, old_limits: &[i64], new: &str, new_limits: &[i64]) -> Fit {
    let fixed = |name: &str| name == "character";
    match (old, new) {
        ("character varying" | "text", "character varying" | "text") => limit(old_limits, new_limits),
        (a, b) if a == b => {
            if fixed(a) && new_limits > old_limits {
                Fit::Wider
            } else {
                Fit::Narrower
            }
        }
        (_, "text" | "citext") => Fit::Wider,
        (a, "character varying") if fixed(a) => match (old_limits.first(), new_limits.first()) {
            (_, None) => Fit::Wider,
            (Some(old), Some(new)) if new >= old => Fit::Wider,
            _ => Fit::Narrower,
        },
        _ => Fit::Narrower,
    }
}

/// No limit is wider than any.
fn limit(old: &[i64], new: &[i64]) -> Fit {
    match (old.first(), new.first()) {
        (_, None) => Fit::Free,
        (Some(old), Some(new)) if new >= old => Fit::Free,
        _ => Fit::Narrower,
    }
}

/// The same name with other modifiers: fractional seconds, bit lengths.
fn time(name: &str, old: &[i64], new: &[i64]) -> Fit {
    if name.starts_with("time") || name.starts_with("interval") {
        let digits = |limits: &[i64]| limits.first().copied().unwrap_or(6);
        return if digits(new) >= digits(old) { Fit::Free } else { Fit::Narrower };
    }
    Fit::Other
}

#[cfg(test)]
mod tests {
    use super::{Fit, fit};

    #[test]
    fn families_are_known() {
        use Fit::{Free, Narrower, Other, Wider};
        for (before, after, wanted) in [
            ("integer", "bigint", Wider),
            ("bigint", "integer", Narrower),
            ("integer", "numeric(10,0)", Wider),
            ("integer", "numeric(5,2)", Narrower),
            ("integer", "text", Other),
            ("character varying(20)", "character varying(40)", Free),
            ("character varying(20)", "character varying(10)", Narrower),
            ("character varying(20)", "text", Free),
            ("text", "character varying(20)", Narrower),
            ("character(3)", "character(2)", Narrower),
            ("character(3)", "text", Wider),
            ("numeric(10,2)", "numeric(12,2)", Free),
            ("numeric(10,2)", "numeric(12,4)", Wider),
            ("numeric(10,2)", "numeric(10,4)", Narrower),
            ("numeric", "numeric(10,2)", Narrower),
            ("timestamp(3) with time zone", "timestamp with time zone", Free),
            ("timestamp with time zone", "timestamp(0) with time zone", Narrower),
            ("timestamp without time zone", "timestamp with time zone", Other),
            ("integer[]", "bigint[]", Wider),
            ("character varying(5)[]", "character varying(9)[]", Free),
            ("vector(1536)", "vector(384)", Other),
            ("public.vector(384)", "public.vector(1536)", Other),
            ("vector(3)", "halfvec(3)", Other),
            ("vector(3)", "vector", Free),
            ("jsonb", "text", Other),
        ] {
            assert_eq!(fit(before, after), wanted, "{before} to {after}");
        }
    }
}
