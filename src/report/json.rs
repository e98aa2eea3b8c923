//! The report as JSON, its schema, and reading it back. The keys are those of [`Report`], stable once released.

use crate::report::Report;

/// Largest report that is read back: one that comes as an artifact may be anybody's.
pub const LARGEST: usize = 64 * 1024 * 1024;

/// Why a JSON report cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the report has {0} bytes, more than the {LARGEST} that are read: publish a smaller one")]
    TooLarge(usize),
    #[error("the text is not a report of schemaproof: {0}; take the file that `--format json` wrote")]
    Syntax(#[from] serde_json::Error),
    #[error("the report has version {0}, and this schemaproof reads version 1: use the release that wrote it")]
    Version(u32),
}

/// The report as indented JSON, with a newline at its end.
pub fn render(report: &Report) -> String {
    // A report holds strings, numbers, lists and maps with string keys: nothing that JSON refuses.
    serde_json::to_string_pretty(report)
        .map_or_else(|error| format!("{{\"error\": {:?}}}\n", error.to_string()), |json| json + "\n")
}

/// Reads a report. Its texts stay hostile: render it, never print its strings.
///
/// # Errors
/// When the text is too large, no report, or of another version.
pub fn read(text: &str) -> Result<Report, ReadError> {
    if text.len() > LARGEST {
        return Err(ReadError::TooLarge(text.len()));
    }
    let report: Report = serde_json::from_str(text)?;
    if report.schemaproof == 1 { Ok(report) } else { Err(ReadError::Version(report.schemaproof)) }
}

/// The JSON Schema of a report, as `docs/report.schema.json` has it.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Report).to_value()
}
