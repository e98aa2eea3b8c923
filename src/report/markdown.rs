//! The report as Markdown: the comment, the job summary and the body of the check run are this at different lengths.
//!
//! The layout is in `templates/*.hbs`. Text reaches it only through the escapes of [`safe`]: the templates' plain `{{…}}`
//! included.

mod view;

use std::sync::LazyLock;

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext};
use serde_json::{Value, json};

use crate::report::{Report, ReportedStep, Run, safe, table, words};

/// How much is shown. Each has less than the one before; findings are the last to be shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    Full,
    WithoutPicture,
    /// Drift, way back and remarks are counts.
    WithoutSides,
    WithoutPlan,
    /// The object table has its first rows only; differences of an unproven plan are names.
    ShortTable,
    /// Findings are one line each.
    FindingLines,
    /// Blocking findings are one line each, others are counts by rule; no object table.
    BlockingLines,
    /// Every finding is a count by rule, with as many of the blocking ones' objects as fit.
    Totals,
}

impl Detail {
    pub const ALL: [Detail; 8] = [
        Detail::Full,
        Detail::WithoutPicture,
        Detail::WithoutSides,
        Detail::WithoutPlan,
        Detail::ShortTable,
        Detail::FindingLines,
        Detail::BlockingLines,
        Detail::Totals,
    ];
}

/// Where a report's Markdown stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// By itself: with its headline, and how to run again.
    Alone,
    /// In a section whose title is its headline, of a text that says the rest once.
    Section,
}

/// The report as Markdown at this level of detail.
pub fn render(report: &Report, detail: Detail, frame: Frame) -> String {
    let mut view = view::of(report, detail);
    view["section"] = (frame == Frame::Section).into();
    render_view(report, &view)
}

/// The line below a text: which run it is of, and how to run again.
pub fn footer(run: &Run) -> String {
    let view = json!({"judged": false, "seconds": null, "run": view::run(run)});
    TEMPLATES.render("footer", &view).unwrap_or_default()
}

fn render_view(report: &Report, view: &Value) -> String {
    // The templates are part of the program and tested; a failure to render is said, not hidden.
    let text = TEMPLATES.render("comment", view).unwrap_or_else(|error| {
        format!(
            "### {}\n\n{}\n",
            safe::prose(&words::headline(report)),
            safe::markdown(&format!("The report cannot be shown: {error}"))
        )
    });
    squeeze(&text)
}

/// At most one blank line in a row, outside of fences.
fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut blank, mut fence) = (true, String::new());
    for line in text.lines() {
        if fence.is_empty() {
            let ticks: String = line.chars().take_while(|c| *c == '`').collect();
            if ticks.len() >= 3 && !line[ticks.len()..].contains('`') {
                fence = ticks;
            }
            if line.trim().is_empty() {
                if blank {
                    continue;
                }
                blank = true;
            } else {
                blank = false;
            }
        } else if line.trim_end() == fence {
            fence.clear();
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

static TEMPLATES: LazyLock<Handlebars<'static>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.register_escape_fn(safe::markdown);
    templates.set_strict_mode(true);
    type Escape = fn(&str) -> String;
    let escapes: [(&str, Escape); 6] = [
        ("code", safe::code),
        ("prose", safe::prose),
        ("cell_code", |text| safe::cell(&safe::code(text))),
        ("cell", |text| safe::cell(&safe::prose(text))),
        ("anchor", safe::url_path),
        ("summary", safe::html_in_markdown),
    ];
    for (name, escape) in escapes {
        templates.register_helper(
            name,
            Box::new(
                move |h: &Helper<'_>,
                      _: &Handlebars<'_>,
                      _: &Context,
                      _: &mut RenderContext<'_, '_>,
                      out: &mut dyn Output|
                      -> HelperResult {
                    let text = h.param(0).and_then(|param| param.value().as_str()).unwrap_or_default();
                    out.write(&escape(text))?;
                    Ok(())
                },
            ),
        );
    }
    templates.register_helper("fence", Box::new(fence));
    templates.register_helper("place", Box::new(place));
    for (name, text) in [
        ("comment", include_str!("templates/comment.md.hbs")),
        ("finding", include_str!("templates/finding.md.hbs")),
        ("footer", include_str!("templates/footer.md.hbs")),
        ("steps", include_str!("templates/steps.md.hbs")),
    ] {
        if let Err(error) = templates.register_template_string(name, text) {
            tracing::error!(name, %error, "a template of the report cannot be read");
        }
    }
    templates
});

/// `{{fence "sql" text}}`
fn fence(h: &Helper<'_>, _: &Handlebars<'_>, _: &Context, _: &mut RenderContext<'_, '_>, out: &mut dyn Output) -> HelperResult {
    let text = |at| h.param(at).and_then(|param| param.value().as_str()).unwrap_or_default();
    out.write(&safe::fence(text(0), text(1)))?;
    Ok(())
}

/// `{{place at}}`: file and line, linked into the head where the address of that is known.
fn place(h: &Helper<'_>, _: &Handlebars<'_>, _: &Context, _: &mut RenderContext<'_, '_>, out: &mut dyn Output) -> HelperResult {
    let Some(place) = h.param(0).map(|param| param.value()).filter(|value| value.is_object()) else { return Ok(()) };
    let text = safe::code(place["text"].as_str().unwrap_or_default());
    match place["url"].as_str() {
        Some(url) => out.write(&format!("[{text}]({url})"))?,
        None => out.write(&text)?,
    }
    Ok(())
}

/// Where a file's line can be read. None for addresses that are not GitHub's form: the report may come from a stranger.
pub fn file_url(run: Option<&Run>, file: &str, line: Option<u32>) -> Option<String> {
    let run = run?;
    let root = repository_url(run)?;
    let commit = !run.head_sha.is_empty() && run.head_sha.chars().all(|c| c.is_ascii_hexdigit());
    let path = file.trim_start_matches("./");
    let inside = !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| part != "..");
    let anchor = line.map(|line| format!("#L{line}")).unwrap_or_default();
    (commit && inside).then(|| format!("{root}/blob/{}/{}{anchor}", run.head_sha, safe::url_path(path)))
}

fn repository_url(run: &Run) -> Option<String> {
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    let host = run.server_url.strip_prefix("https://").or_else(|| run.server_url.strip_prefix("http://"))?;
    let host_is_plain = host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
    let (owner, name) = run.repository.split_once('/')?;
    (host_is_plain && plain(owner) && plain(name)).then(|| format!("{}/{owner}/{name}", run.server_url))
}

/// Address of the run, when it is one of the repository's own.
pub fn run_url(run: &Run) -> Option<&str> {
    let root = repository_url(run)?;
    let rest = run.url.strip_prefix(&root)?;
    (rest.starts_with('/') && rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '?' | '=' | '#')))
        .then_some(&run.url)
}

pub fn short_commit(commit: &str) -> String {
    commit.chars().take(7).collect()
}

pub fn engine_line(engine: &crate::report::Engine, report: &Report) -> String {
    let atlas = report.steps.iter().filter(|step| step.origin == crate::plan::Origin::Atlas).count();
    match (engine.name, engine.left_out) {
        (crate::plan::Origin::Native, _) => "planned by schemaproof".into(),
        (crate::plan::Origin::Atlas, 0) => format!("Atlas {} planned {}", engine.version, words::counted(atlas, "step")),
        (crate::plan::Origin::Atlas, n) => format!(
            "Atlas {} planned {} and left out {}; schemaproof added {}",
            engine.version,
            words::counted(atlas, "step"),
            words::counted(n, "change"),
            if n == 1 { "it" } else { "them" }
        ),
    }
}

pub fn down_title(down: &crate::report::Down) -> String {
    let lossless = if down.lossless { "lossless" } else { "lossy" };
    let proven = if down.proven { "proven" } else { "not proven" };
    format!("Way back: {}, {lossless}, {proven}", words::counted(down.steps.len(), "step"))
}

/// `step 3 · atlas · AccessExclusive on public.t · rewrites public.t · 1.2 ms`
pub fn step_line(number: usize, step: &ReportedStep) -> String {
    let origin = match step.origin {
        crate::plan::Origin::Atlas => "atlas",
        crate::plan::Origin::Native => "schemaproof",
    };
    let mut said = vec![format!("step {number}"), origin.to_string()];
    if let Some(effects) = &step.effects {
        let mut locks: std::collections::BTreeMap<&str, Vec<&str>> = Default::default();
        for lock in effects.locks.iter().filter(|lock| table::strength(&lock.mode) >= table::strength("ShareLock")) {
            locks.entry(lock.mode.trim_end_matches("Lock")).or_default().push(&lock.relation);
        }
        said.extend(locks.into_iter().map(|(mode, relations)| format!("{mode} on {}", some(&relations))));
        for (what, relations) in [("rewrites", &effects.rewrites), ("reads", &effects.scans)] {
            if !relations.is_empty() {
                said.push(format!("{what} {}", some(relations)));
            }
        }
        match effects.index_builds.as_slice() {
            [] => {}
            [one] => said.push(format!("builds {one}")),
            many => said.push(format!("builds {}", words::counted(many.len(), "index"))),
        }
        if effects.values_lost > 0 {
            said.push(format!("{} lost", words::counted(usize::try_from(effects.values_lost).unwrap_or(usize::MAX), "value")));
        }
        match &effects.error {
            Some(error) => said.push(format!("FAILS: {} {}", error.sqlstate.as_deref().unwrap_or_default(), error.message)),
            None => said.push(words::milliseconds(effects.milliseconds)),
        }
        if let Some(error) = &effects.error_on_rows {
            let rows = if effects.fails() { "ROWS" } else { "SOME ROWS" };
            said.push(format!("FAILS ON {rows}: {} {}", error.sqlstate.as_deref().unwrap_or_default(), error.message));
        }
    }
    said.join(" · ")
}

/// The line at fault with a mark under the column.
pub fn excerpt(report: &Report) -> Option<String> {
    let error = report.error.as_ref()?;
    let line = error.excerpt.as_deref()?;
    match error.column {
        Some(column) if !line.contains('\n') => {
            let before: String =
                line.chars().take(column.saturating_sub(1) as usize).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            Some(format!("{line}\n{before}^"))
        }
        _ => Some(line.to_string()),
    }
}

fn some(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = names.iter().take(3).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(shown.len());
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
