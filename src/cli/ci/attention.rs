//! What draws people's attention beside the comment: labels, requests for reviews, other pull requests that change the same objects. All of
//! it is optional, decides nothing, and fails no run: what cannot be done is a warning.

use std::io::Write;

use crate::{
    config::Config,
    github::{
        api::{Api, ApiError},
        labels,
        outputs::Log,
        overlap::{self, Objects, Other},
        reviewers::{self, Wanted},
    },
    report::many::{self, Part},
    trigger::PullRequest,
    verdict::Verdict,
};

fn warn<W: Write, T>(log: &mut Log<W>, done: Result<T, ApiError>) -> Option<T> {
    done.map_err(|error| log.say("warning", &error.to_string())).ok()
}

/// Labels and requests for reviews, as the configuration has them. After an error nothing is known, and nothing is changed.
pub(super) async fn draw<W: Write>(api: &Api, log: &mut Log<W>, config: &Config, pull: &PullRequest, parts: &[Part]) {
    if many::verdict(parts) == Verdict::Error {
        return;
    }
    let findings = || parts.iter().flat_map(|part| &part.report.findings);
    if !config.labels.is_empty() {
        let managed: Vec<&str> = config.labels.values().map(String::as_str).collect();
        let worst = findings().map(|finding| finding.level).max();
        let wanted = worst.and_then(|level| config.labels.get(&level)).map(String::as_str);
        warn(log, labels::set(api, pull.number, &managed, wanted).await);
    }
    let mut wanted = Wanted::default();
    for entry in &config.reviewers {
        if findings().any(|finding| entry.are_for(&finding.rule)) {
            wanted.users.extend(entry.users.iter().cloned());
            wanted.teams.extend(entry.teams.iter().cloned());
        }
    }
    if !wanted.is_empty() {
        warn(log, reviewers::request(api, pull, &wanted).await);
    }
}

/// What this run changes, and who else does.
#[derive(Default)]
pub(super) struct Overlaps {
    objects: Objects,
    others: Vec<Other>,
    asked: bool,
}

impl Overlaps {
    /// Asks which other open pull requests change the same.
    pub async fn ask<W: Write>(api: &Api, log: &mut Log<W>, config: &Config, pull: &PullRequest, parts: &[Part]) -> Overlaps {
        if !config.overlaps {
            return Overlaps::default();
        }
        let mut objects = Objects::default();
        for Part { name, report } in parts {
            report.changes.iter().for_each(|change| objects.add(name, &change.object));
        }
        let others = warn(log, overlap::others(api, pull.number, &config.status_context, &objects).await).unwrap_or_default();
        Overlaps { objects, others, asked: true }
    }

    /// Characters of the comment that they may take.
    pub fn room(&self) -> usize {
        if self.asked { overlap::ROOM } else { 0 }
    }

    /// The comment with them in it.
    pub fn named(&self, text: String) -> String {
        if self.asked { overlap::named(&text, &self.objects, &self.others) } else { text }
    }

    /// Tells the others' comments of this pull request.
    pub async fn tell<W: Write>(&self, api: &Api, log: &mut Log<W>, pull: &PullRequest) {
        for other in &self.others {
            warn(log, overlap::tell(api, pull.number, other).await);
        }
    }
}
