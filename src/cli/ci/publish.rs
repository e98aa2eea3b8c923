//! A report to GitHub: comment, check run, status, files and outputs. Keeps account of what could not be written.

use std::{io::Write, sync::Arc};

use super::{
    Environment,
    attention::{self, Overlaps},
    prepare::Subject,
};
use crate::{
    config::{CommentMode, Config},
    github::{
        api::{Api, ApiError, Failure},
        check::{self, Annotation, AnnotationLevel, CheckRun, Conclusion},
        comment::{self, Identity, Marker, Wanted, Written},
        outputs::{self, Log},
        status::{self, State},
    },
    pipeline::Outcome,
    plan::Plan,
    report::{
        self, Report, Run,
        many::{self, Part},
    },
    verdict::Verdict,
};

/// The directory of the reports, in the workspace.
pub(super) const DIRECTORY: &str = "schemaproof-report";

pub(super) struct Publisher<'a> {
    api: &'a Arc<Api>,
    subject: &'a Subject,
    config: Config,
    check: Option<CheckRun>,
    read_only: bool,
    /// The pull request has a newer head: what is said of it is the newer run's.
    late: bool,
    failed: bool,
    done: bool,
    /// A part of a job matrix: another job publishes.
    silent: bool,
}

impl<'a> Publisher<'a> {
    pub fn new(api: &'a Arc<Api>, subject: &'a Subject, config: &Config) -> Self {
        Publisher {
            api,
            subject,
            config: config.clone(),
            late: false,
            check: None,
            read_only: false,
            failed: false,
            done: false,
            silent: false,
        }
    }

    /// Writes nothing to GitHub.
    pub fn silent(self) -> Self {
        Publisher { silent: true, ..self }
    }

    pub fn api(&self) -> &Api {
        self.api
    }

    /// Whether writing came to its end, well or not.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Whether all that had to be written was written. A token that may not write is no failure: the job itself tells the verdict.
    pub fn is_published(&self) -> bool {
        self.done && !self.failed
    }

    /// Status and check run, while the plan is made.
    pub async fn begin<W: Write>(&mut self, log: &mut Log<W>, run: Option<&Run>) {
        if self.silent {
            return;
        }
        let url = run.map(|run| run.url.as_str());
        let set =
            status::set(self.api, &self.subject.head, self.context(), State::Pending, "Planning and proving the change", url).await;
        self.see(log, set);
        let begun = check::begin(self.api, &self.subject.head, self.context(), url).await;
        self.check = self.see_check(log, begun);
    }

    /// Everything at the end. The comment's address, when there is one.
    pub async fn end<W: Write>(&mut self, log: &mut Log<W>, parts: &[Part]) -> Option<String> {
        if self.silent {
            self.done = true;
            return None;
        }
        let run_url = parts.first().and_then(|part| part.report.run.as_ref()).map(|run| run.url.as_str());
        let verdict = many::verdict(parts);
        let comment = self.write_comment(log, parts).await;
        let annotations = annotations(parts);
        let (title, summary) = many::check(parts);
        if self.check.is_none() {
            let begun = check::begin(self.api, &self.subject.head, self.context(), run_url).await;
            self.check = self.see_check(log, begun);
        }
        match self.check {
            Some(run) => {
                let conclusion = if verdict == Verdict::Pass { Conclusion::Success } else { Conclusion::Failure };
                let outcome = check::Outcome { conclusion, title: &title, summary: &summary, annotations: &annotations };
                let ended = check::end(self.api, run, &outcome).await;
                self.see(log, ended);
            }
            // Without a check run the runner's own annotations take its place.
            None => parts.iter().for_each(|part| log.line(report::annotations::commands(&part.report).trim_end())),
        }
        let (state, description) = match verdict {
            Verdict::Pass if self.failed => {
                (State::Error, "The plan passes, but its report could not be published: see the log".into())
            }
            Verdict::Pass => (State::Success, many::title(parts)),
            Verdict::Blocked => (State::Failure, many::title(parts)),
            Verdict::Error => (State::Error, many::title(parts)),
        };
        let url = comment.as_deref().or(run_url);
        let set = status::set(self.api, &self.subject.head, self.context(), state, &description, url).await;
        self.see(log, set);
        self.done = true;
        // After all that decides: none of it holds the verdict up.
        if let Some(pull) = self.subject.pull.as_ref().filter(|_| !self.read_only && !self.late) {
            attention::draw(self.api, log, &self.config, pull, parts).await;
        }
        comment
    }

    fn context(&self) -> &str {
        &self.config.status_context
    }

    /// The little that there is time for when the run is cancelled.
    pub async fn cancelled<W: Write>(&mut self, log: &mut Log<W>) {
        if self.silent {
            return;
        }
        let text = "The run was cancelled";
        let set = status::set(self.api, &self.subject.head, self.context(), State::Error, text, None).await;
        self.see(log, set);
        if let Some(run) = self.check {
            let outcome = check::Outcome { conclusion: Conclusion::Cancelled, title: text, summary: text, annotations: &[] };
            let ended = check::end(self.api, run, &outcome).await;
            self.see(log, ended);
        }
    }

    async fn write_comment<W: Write>(&mut self, log: &mut Log<W>, parts: &[Part]) -> Option<String> {
        let pull = self.subject.pull.as_ref().filter(|_| self.config.comment != CommentMode::Off)?;
        let overlaps = Overlaps::ask(self.api, log, &self.config, pull, parts).await;
        let room = Marker::new(self.context(), "", "", &self.subject.head).to_string().chars().count() + 1;
        let text = overlaps.named(many::comment(parts, room + overlaps.room()));
        // What others change is part of what is told.
        let told = told(parts) + &overlaps.named(String::new());
        let identity = Identity::ask(self.api).await;
        let wanted = Wanted {
            number: pull.number,
            key: self.context(),
            head: &self.subject.head,
            told: &told,
            text: &text,
            sticky: self.config.comment == CommentMode::Sticky,
            make: !many::nothing(parts),
        };
        let written = comment::write(self.api, &identity, &wanted).await;
        let written = self.see(log, written)?;
        if let Written::Late { head } = &written {
            self.late = true;
            log.say("notice", &format!("the pull request has a newer commit ({}); its run comments", head.short()));
        } else {
            overlaps.tell(self.api, log, pull).await;
        }
        written.url().map(String::from)
    }

    fn see<W: Write, T>(&mut self, log: &mut Log<W>, done: Result<T, ApiError>) -> Option<T> {
        match done {
            Ok(value) => Some(value),
            Err(error @ ApiError { why: Failure::Forbidden { .. }, .. }) => {
                if !self.read_only {
                    let advice = "The token may not write here, as for pull requests from forks; the verdict is in the job summary and this job's result";
                    log.say("warning", &format!("{advice} ({error})"));
                }
                self.read_only = true;
                None
            }
            Err(error) => {
                self.failed = true;
                log.say("error", &error.to_string());
                None
            }
        }
    }

    /// Only apps may make check runs; for a person's token the status alone is the gate.
    fn see_check<W: Write>(&mut self, log: &mut Log<W>, begun: Result<CheckRun, ApiError>) -> Option<CheckRun> {
        match begun {
            Err(error @ ApiError { why: Failure::Forbidden { .. }, .. }) => {
                tracing::info!("{error}");
                None
            }
            other => self.see(log, other),
        }
    }
}

/// The report without the run and every measured time: equal for two runs that tell a reader the same.
fn told(parts: &[Part]) -> String {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                map.remove("milliseconds");
                map.values_mut().for_each(strip);
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    // Tables grow all the time; what was counted in them is in the findings.
    let said = parts.iter().map(|Part { name, report }| {
        let report = Report { seconds: 0.0, run: None, live: None, ..report.clone() };
        let mut value = serde_json::to_value(&report).unwrap_or_default();
        strip(&mut value);
        format!("{} {name} {value}", env!("CARGO_PKG_VERSION"))
    });
    said.collect::<Vec<_>>().join("\n")
}

fn annotations(parts: &[Part]) -> Vec<Annotation> {
    let annotation = |found: report::annotations::Annotation| Annotation {
        path: found.file,
        line: found.line,
        level: match found.level {
            "failure" => AnnotationLevel::Failure,
            "warning" => AnnotationLevel::Warning,
            _ => AnnotationLevel::Notice,
        },
        title: found.title,
        message: found.message,
    };
    many::annotations(parts).into_iter().map(annotation).collect()
}

/// Where the reports were written, as the outputs name them.
#[derive(Default)]
pub(super) struct Paths {
    plan: Option<String>,
    json: Option<String>,
    html: Option<String>,
    sarif: Option<String>,
}

/// Writes the reports, of several databases each into a directory of its own. Paths are relative to the workspace, which has another name
/// outside of the Action's container.
pub(super) fn files<W: Write>(environment: &Environment, log: &mut Log<W>, outcomes: &[(String, Outcome)]) -> Paths {
    let Some(workspace) = environment.workspace.clone().filter(|workspace| workspace.is_dir()) else { return Paths::default() };
    let directory = workspace.join(DIRECTORY);
    for (name, outcome) in outcomes {
        let texts = texts(outcome);
        let files: Vec<(&str, &str)> = texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
        // The directory of all is made first: one that is a link is replaced.
        let written = outputs::write_files(&directory, &[]).and_then(|()| outputs::write_files(&directory.join(name), &files));
        if let Err(error) = written {
            log.say("warning", &error.to_string());
            return Paths::default();
        }
    }
    let path = |name: &str| match outcomes {
        [(only, _)] if only.is_empty() => Some(format!("{DIRECTORY}/{name}")),
        // Of several it is the directory that holds one for each.
        _ => Some(DIRECTORY.to_string()),
    };
    Paths { plan: path("plan.sql"), json: path("report.json"), html: path("report.html"), sarif: path("report.sarif") }
}

fn texts(outcome: &Outcome) -> [(&'static str, String); 5] {
    let report = &outcome.report;
    // An artifact is read by many: secrets in the plan stay masked.
    let steps = outcome.plan.steps.iter().cloned().map(|step| crate::plan::Step { sql: step.shown().to_string(), ..step });
    let shown = Plan { steps: steps.collect() };
    // Without its secrets it is no plan that could be applied.
    let ends = outcome.catalogs.as_ref().map(|catalogs| catalogs.ends()).filter(|_| shown == outcome.plan);
    [
        ("report.json", report::json::render(report)),
        ("report.html", report::html::render(report)),
        ("report.sarif", report::sarif::render(report)),
        ("report.md", report::comment::summary(report)),
        ("plan.sql", report::sql::render(&shown, report, ends.as_ref())),
    ]
}

pub(super) fn outputs(parts: &[Part], paths: &Paths, comment: Option<&str>) -> Vec<(&'static str, String)> {
    let verdict = match many::verdict(parts) {
        Verdict::Pass => "pass",
        Verdict::Blocked => "blocked",
        Verdict::Error => "error",
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let sum = |count: fn(&Report) -> usize| parts.iter().map(|part| count(&part.report)).sum::<usize>().to_string();
    let proven = match parts {
        [one] => one.report.proven,
        _ => many::proven(parts),
    };
    let prints: Vec<String> = parts.iter().filter_map(|part| part.report.fingerprint.clone()).collect();
    vec![
        ("verdict", verdict.into()),
        ("proven", proven.to_string()),
        ("changes", sum(|report| report.changes.len())),
        ("findings", sum(|report| report.findings.len())),
        ("blocking", sum(|report| report.findings.iter().filter(|finding| finding.blocks).count())),
        ("fingerprint", prints.join(" ")),
        ("plan-sql", text(&paths.plan)),
        ("report-json", text(&paths.json)),
        ("report-html", text(&paths.html)),
        ("report-sarif", text(&paths.sarif)),
        ("comment-url", comment.unwrap_or_default().into()),
    ]
}
