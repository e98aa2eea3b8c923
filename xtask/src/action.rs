//! `action.yml`, from the settings and outputs that the code knows.

use std::fmt::Write as _;

use schemaproof::config::{KEYS, OUTPUTS};

/// The Action's metadata file.
pub fn metadata() -> String {
    let mut out = String::from(
        "name: schemaproof\ndescription: Plans, proves and reviews SQL schema changes in pull requests\nauthor: schemaproof\n\
         branding:\n  icon: database\n  color: blue\ninputs:\n",
    );
    for key in KEYS.iter().filter(|key| key.input) {
        let list = if key.list { " One a line." } else { "" };
        // An input that the config file may set too has no default here, so that the file is not overridden.
        let default = if key.file { "" } else { key.default };
        let _ = writeln!(
            out,
            "  {}:\n    description: {}\n    default: {}",
            key.name,
            scalar(&format!("{}{list}", key.description)),
            scalar(default)
        );
    }
    out.push_str("outputs:\n");
    for (name, description) in OUTPUTS {
        let _ = writeln!(out, "  {name}:\n    description: {}", scalar(description));
    }
    out.push_str("runs:\n  using: docker\n  image: Dockerfile\n");
    out
}

/// A YAML scalar: plain where that is safe, else in single quotes.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '$')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':');
    if plain { text.to_string() } else { format!("'{}'", text.replace('\'', "''")) }
}
