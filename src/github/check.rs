//! The check run: summary and annotations beside the commit status. Tokens of people may not make one; then there is none.

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, ApiError, Method};
use crate::trigger::Head;

/// Annotations that one request may have (GitHub answers 422 beyond).
const BATCH: usize = 50;
/// Annotations sent in all: twenty requests.
const MOST: usize = 1_000;
/// Characters that a check run's summary may have.
const LONGEST_SUMMARY: usize = 65_535;
/// Bytes that an annotation's message may have: 64 KB.
const LONGEST_MESSAGE: usize = 60_000;

/// How a check run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    Success,
    Failure,
    Cancelled,
}

impl Conclusion {
    fn word(self) -> &'static str {
        match self {
            Conclusion::Success => "success",
            Conclusion::Failure => "failure",
            Conclusion::Cancelled => "cancelled",
        }
    }
}

/// How an annotation is shown, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationLevel {
    Notice,
    Warning,
    Failure,
}

impl AnnotationLevel {
    fn word(self) -> &'static str {
        match self {
            AnnotationLevel::Notice => "notice",
            AnnotationLevel::Warning => "warning",
            AnnotationLevel::Failure => "failure",
        }
    }
}

/// A remark on a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub path: String,
    /// From 1.
    pub line: u32,
    pub level: AnnotationLevel,
    pub title: String,
    pub message: String,
}

/// A check run that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct CheckRun {
    pub id: u64,
}

/// What a check run says at its end.
pub struct Outcome<'a> {
    pub conclusion: Conclusion,
    pub title: &'a str,
    /// Markdown.
    pub summary: &'a str,
    pub annotations: &'a [Annotation],
}

/// Begins a check run, shown as in progress.
///
/// # Errors
/// When the API fails, or the token may not make check runs.
pub async fn begin(api: &Api, head: &Head, name: &str, url: Option<&str>) -> Result<CheckRun, ApiError> {
    #[derive(Deserialize)]
    struct Answer {
        check_runs: Vec<Listed>,
    }
    #[derive(Deserialize)]
    struct Listed {
        id: u64,
        name: String,
        status: String,
    }
    let sha = &head.0;
    let mut body = json!({"name": name, "head_sha": sha.as_str(), "status": "in_progress"});
    if let Some(url) = url.filter(|url| url.starts_with("https://") || url.starts_with("http://")) {
        body["details_url"] = url.into();
    }
    let arrived = async || {
        let path = api.path(&format!("commits/{sha}/check-runs?filter=latest&per_page=100"));
        let answer: Answer = api.read(&format!("read the check runs of {sha}"), &path).await?;
        let open = answer.check_runs.into_iter().find(|run| run.name == name && run.status == "in_progress");
        Ok(open.map(|run| CheckRun { id: run.id }))
    };
    api.create(&format!("begin the check run `{name}` on {sha}"), &api.path("check-runs"), &body, arrived).await
}

/// Ends a check run. More than 50 annotations go in several requests, the conclusion with the last.
///
/// # Errors
/// When the API fails.
pub async fn end(api: &Api, run: CheckRun, outcome: &Outcome<'_>) -> Result<(), ApiError> {
    let path = api.path(&format!("check-runs/{}", run.id));
    let attempt = format!("end the check run {}", run.id);
    let annotations: Vec<Value> = outcome.annotations.iter().take(MOST).map(annotation).collect();
    let summary: String = outcome.summary.chars().take(LONGEST_SUMMARY).collect();
    let title: String = outcome.title.chars().take(255).collect();
    let mut batches: Vec<&[Value]> = annotations.chunks(BATCH).collect();
    if batches.is_empty() {
        batches.push(&[]);
    }
    let last = batches.len() - 1;
    for (at, batch) in batches.into_iter().enumerate() {
        let mut body = json!({"output": {"title": title, "summary": summary, "annotations": batch}});
        if at == last {
            body["status"] = "completed".into();
            body["conclusion"] = outcome.conclusion.word().into();
        }
        // Batches add up, so only the last, which also sets the end, could be doubled by a retry; doubled annotations are
        // shown twice and change no verdict.
        api.set(&attempt, Method::Patch, &path, Some(&body)).await?;
    }
    Ok(())
}

fn annotation(annotation: &Annotation) -> Value {
    let line = annotation.line.max(1);
    let mut message: String = annotation.message.clone();
    let mut end = message.len().min(LONGEST_MESSAGE);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    message.truncate(end);
    json!({
        "path": annotation.path, "start_line": line, "end_line": line, "annotation_level": annotation.level.word(),
        "title": annotation.title.chars().take(255).collect::<String>(), "message": message,
    })
}
