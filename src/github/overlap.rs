//! Other open pull requests that change the same objects, named in the comments of both.
//!
//! What a pull request changes is told by a hidden line of its own comment: hashes, so that nothing in it can be shown. It is a hint for
//! people and decides nothing; whoever can write our comments can write another. Names that are shown are those of the run's own plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    api::{Api, ApiError, Failure, Method},
    comment::{Comment, LONGEST, Marker},
};
use crate::report::safe;

const OBJECTS: &str = "<!-- schemaproof objects=";
const BEGIN: &str = "<!-- schemaproof also -->\n";
const END: &str = "<!-- schemaproof end -->\n";
/// Digits of an object's hash: enough that two among thousands are not taken for the same.
const DIGITS: usize = 12;
/// Objects that a comment tells of.
const MOST_OBJECTS: usize = 400;
/// Pull requests that are named, and objects of each.
const MOST_NAMED: usize = 10;
const MOST_NAMES: usize = 4;
/// Characters of a name.
const LONGEST_NAME: usize = 120;
/// Characters that both parts take in a comment at most.
pub const ROOM: usize = 14_000;

/// The objects that a plan changes, by hash.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects(BTreeMap<String, String>);

impl Objects {
    /// Of the database that the objects are in, and their names as reports show them. What is in a table or a view counts as it.
    pub fn add(&mut self, database: &str, object: &str) {
        let whole = object.match_indices('.').nth(1).filter(|_| !object.contains('(')).map(|(at, _)| &object[..at]);
        for name in [Some(object), whole].into_iter().flatten() {
            let hash = Sha256::digest(format!("{database}\0{name}").as_bytes());
            let hash: String = hash
                .iter()
                .flat_map(|byte| [byte >> 4, byte & 15])
                .take(DIGITS)
                .map(|digit| char::from_digit(digit.into(), 16))
                .map(Option::unwrap_or_default)
                .collect();
            let shown = if database.is_empty() { name.to_string() } else { format!("{database}: {name}") };
            self.0.insert(hash, shown);
        }
    }

    /// The hidden line that tells other runs of them.
    pub fn line(&self) -> String {
        let hashes: String = self.0.keys().take(MOST_OBJECTS).map(String::as_str).collect();
        format!("{OBJECTS}{hashes} -->\n")
    }

    /// Our names of those that a comment tells of too. Of a table and something in it, the latter is named.
    fn shared(&self, body: &str) -> BTreeSet<String> {
        let told = body.lines().rev().find_map(|line| line.strip_prefix(OBJECTS)?.strip_suffix(" -->")).unwrap_or_default();
        let hashes: BTreeSet<&str> = (0..told.len() / DIGITS).filter_map(|at| told.get(at * DIGITS..(at + 1) * DIGITS)).collect();
        let names: BTreeSet<String> = hashes.into_iter().filter_map(|hash| self.0.get(hash).cloned()).collect();
        let in_it = |whole: &String, name: &String| name.strip_prefix(whole.as_str()).is_some_and(|rest| rest.starts_with('.'));
        names.iter().filter(|whole| !names.iter().any(|name| in_it(whole, name))).cloned().collect()
    }
}

/// Another open pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    pub number: u64,
    /// Its comment by the same hand and of the same key.
    comment: u64,
    /// What it and this one change; none when its comment names this one and no longer should.
    pub shared: BTreeSet<String>,
}

/// The open pull requests whose comments tell of an object of `objects`, or name this one. One request: the hundred that changed last.
///
/// # Errors
/// When the API fails, or does not know the question.
pub async fn others(api: &Api, number: u64, key: &str, objects: &Objects) -> Result<Vec<Other>, ApiError> {
    #[derive(Deserialize)]
    struct Pull {
        number: u64,
        comments: Nodes<Said>,
    }
    #[derive(Deserialize)]
    struct Nodes<T> {
        nodes: Vec<T>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Said {
        full_database_id: String,
        body: String,
        viewer_did_author: bool,
    }
    // Ours is made when the pull request is opened: it is among the first.
    let query = "query($owner: String!, $name: String!) { repository(owner: $owner, name: $name) { pullRequests(states: OPEN, first: 100, \
                 orderBy: {field: UPDATED_AT, direction: DESC}) { nodes { number comments(first: 20) { nodes { fullDatabaseId body \
                 viewerDidAuthor } } } } } }";
    let attempt = "ask which open pull requests change the same objects";
    let repository = api.repository();
    let body = json!({"query": query, "variables": {"owner": repository.owner(), "name": repository.name()}});
    let nothing = async || Ok(None);
    let answer: serde_json::Value = api.create(attempt, "/graphql", &body, nothing).await?;
    let pulls: Nodes<Pull> = serde_json::from_value(answer["data"]["repository"]["pullRequests"].clone()).map_err(|error| {
        let message =
            answer["errors"][0]["message"].as_str().map_or_else(|| error.to_string(), |told| told.chars().take(300).collect());
        ApiError { attempt: attempt.into(), why: Failure::Unreadable { message } }
    })?;
    let other = |pull: Pull| {
        let ours = |said: &Said| said.viewer_did_author && Marker::read(&said.body).is_some_and(|marker| marker.key == key);
        let said = pull.comments.nodes.into_iter().find(ours)?;
        let shared = objects.shared(&said.body);
        let names_us = entries(&said.body).iter().any(|line| line.starts_with(&entry_start(number)));
        (!shared.is_empty() || names_us).then_some((pull.number, said.full_database_id, shared))
    };
    let found = pulls.nodes.into_iter().filter(|pull| pull.number != number).filter_map(other);
    let parsed = found.filter_map(|(number, id, shared)| Some(Other { number, comment: id.parse().ok()?, shared }));
    let mut all: Vec<Other> = parsed.collect();
    all.sort_by_key(|other| other.number);
    Ok(all)
}

fn entry_start(number: u64) -> String {
    format!("- #{number}: ")
}

fn entry(number: u64, shared: &BTreeSet<String>) -> String {
    let short = |name: &String| match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.clone(),
    };
    let names: Vec<String> = shared.iter().take(MOST_NAMES).map(|name| safe::code(&short(name))).collect();
    let more = if shared.len() > MOST_NAMES { format!(" and {} more", shared.len() - MOST_NAMES) } else { String::new() };
    format!("{}{}{more}", entry_start(number), names.join(", "))
}

/// The lines about other pull requests that a comment has.
fn entries(body: &str) -> Vec<&str> {
    let inside = body.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map_or("", |(inside, _)| inside);
    inside.lines().filter(|line| line.starts_with("- #")).collect()
}

/// The text of a comment with these lines about other pull requests, after its first line, instead of those it has.
fn with_entries(text: &str, lines: &[String]) -> String {
    let text = match (text.split_once(BEGIN), text.split_once(END)) {
        (Some((before, _)), Some((_, after))) => format!("{before}{}", after.trim_start_matches('\n')),
        _ => text.to_string(),
    };
    if lines.is_empty() {
        return text;
    }
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let begin =
        "⚠️ **Other open pull requests change the same objects.** Whichever is merged first changes what the other starts from:";
    format!("{first}\n\n{BEGIN}{begin}\n\n{}\n\n{END}\n{}", lines.join("\n"), rest.trim_start_matches('\n'))
}

/// The text of our own comment with the other pull requests in it, and the line that tells them of this one.
pub fn named(text: &str, objects: &Objects, others: &[Other]) -> String {
    let sharing = others.iter().filter(|other| !other.shared.is_empty());
    let lines: Vec<String> = sharing.take(MOST_NAMED).map(|other| entry(other.number, &other.shared)).collect();
    format!("{}\n\n{}", with_entries(text, &lines).trim_end(), objects.line())
}

/// Names pull request `number` in the comment of another, or takes it out. A comment that was edited, or grows too long, is left as it is.
///
/// # Errors
/// When the API fails.
pub async fn tell(api: &Api, number: u64, other: &Other) -> Result<(), ApiError> {
    let path = api.path(&format!("issues/comments/{}", other.comment));
    // Read again as late as can be: a run of that pull request may have written it since.
    let there: Comment = api.read(&format!("read the comment {}", other.comment), &path).await?;
    let Some(body) = there.body.as_deref().and_then(|body| told(body, number, &other.shared)) else { return Ok(()) };
    let attempt = format!("name pull request {number} in the comment on {}", other.number);
    api.set(&attempt, Method::Patch, &path, Some(&json!({ "body": body }))).await.map(|_| ())
}

/// A comment that names this pull request; absent when it is not to be changed.
fn told(body: &str, number: u64, shared: &BTreeSet<String>) -> Option<String> {
    let body = body.replace("\r\n", "\n");
    let marker = Marker::read(&body).filter(|marker| marker.is_intact(&body))?;
    let (_, text) = body.split_once('\n')?;
    let start = entry_start(number);
    let mut lines: Vec<String> = entries(text).into_iter().filter(|line| !line.starts_with(&start)).map(String::from).collect();
    if !shared.is_empty() {
        lines.push(entry(number, shared));
    }
    lines.sort_by_key(|line| line[3..].split(':').next().and_then(|number| number.parse::<u64>().ok()));
    lines.truncate(MOST_NAMED);
    let new = with_entries(text, &lines);
    let body = format!("{}\n{new}", marker.rewritten(&new));
    (new != text && body.chars().count() <= LONGEST).then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trigger::Head;

    fn objects(names: &[&str]) -> Objects {
        let mut objects = Objects::default();
        names.iter().for_each(|name| objects.add("", name));
        objects
    }

    fn body(text: &str) -> String {
        let head = Head("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap());
        format!("{}\n{text}", Marker::new("k", text, text, &head))
    }

    #[test]
    fn what_is_in_a_table_counts_as_the_table_and_the_narrower_name_is_shown() {
        let theirs = objects(&["public.t.a", "public.v", "p8.f(public.x)"]).line();
        let shared = |names: &[&str]| objects(names).shared(&theirs).into_iter().collect::<Vec<_>>();
        assert_eq!(shared(&["public.t.b"]), ["public.t"]);
        assert_eq!(shared(&["public.t.a", "public.t.b"]), ["public.t.a"]);
        assert_eq!(shared(&["p8.f(public.y)", "public.t2", "public.w"]), [""; 0]);
        assert_eq!(shared(&["p8.f(public.x)", "public.v.c"]), ["p8.f(public.x)", "public.v"]);
        let mut elsewhere = Objects::default();
        elsewhere.add("billing", "public.v");
        assert!(elsewhere.shared(&theirs).is_empty(), "another database has a table of that name");
    }

    #[test]
    fn a_comment_names_others_and_forgets_them_without_a_trace() {
        let text = "### headline\n\nbody\n";
        let before = body(text);
        let shared: BTreeSet<String> = ["public.`x`<b>@eve".to_string()].into();
        let with_7 = told(&before, 7, &shared).unwrap();
        assert!(with_7.contains("\n- #7: ``public.`x`<b>@eve``\n"), "{with_7}");
        assert!(with_7.contains("### headline\n\n<!-- schemaproof also -->\n"));
        assert_eq!(told(&with_7, 7, &shared), None, "it says so already");
        let with_both = told(&with_7, 12, &shared).unwrap();
        assert_eq!(entries(&with_both).len(), 2);
        let neither = told(&told(&with_both, 7, &BTreeSet::new()).unwrap(), 12, &BTreeSet::new()).unwrap();
        assert!(neither.ends_with(&format!("-->\n{text}")), "{neither}");
        assert_eq!(told(&neither, 12, &BTreeSet::new()), None);
        assert_eq!(told(&before.replace("body", "edited"), 7, &shared), None, "it is not as a run wrote it");
    }

    #[test]
    fn what_a_comment_tells_is_shown_in_no_case() {
        let ours = objects(&["public.t"]);
        for line in ["<img src=x> -->", "zzzzzzzzzzzzzzz -->", "ééééééééééééé -->", "-->", ""] {
            assert!(ours.shared(&format!("{OBJECTS}{line}")).is_empty());
        }
        let many =
            objects(&(0..5_000).map(|n| format!("public.t{n}")).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>());
        let other = |number| Other { number, comment: 1, shared: many.0.values().map(|name| name.repeat(30)).collect() };
        let all: Vec<Other> = (0..100).map(other).collect();
        assert!(named("x\n", &many, &all).chars().count() < ROOM);
    }
}
