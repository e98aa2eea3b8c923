//! The sentences of reports that stand outside of templates, in one place.

use crate::{
    config::Dialect,
    proof::Lock,
    report::{Remark, Report, ReportedEnvironments, table::Counts},
    risk::Level,
    verdict::Verdict,
};

/// Instead of the message of a statement that holds secrets.
pub const WITHHELD: &str = "(not shown: the statement holds secrets)";

/// Over what the catalog does not read.
pub fn not_covered(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "Not analysed (pg_dump alone judges these)",
        Dialect::TiDb | Dialect::MySql | Dialect::MariaDb => "Not analysed (nobody compares these)",
    }
}

/// A sign for a level, and its word for who cannot see it.
pub fn icon(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Danger) => "⛔",
        Some(Level::Warning) => "⚠️",
        Some(Level::Notice) => "ℹ️",
        None => "✅",
    }
}

pub fn level(level: Level) -> &'static str {
    match level {
        Level::Danger => "danger",
        Level::Warning => "warning",
        Level::Notice => "notice",
    }
}

/// `Environments: 1 of 3 differs from main · 1 could not be read`.
pub fn environments(environments: &ReportedEnvironments) -> String {
    let names = |differing: bool| {
        let groups = environments.groups.iter().filter(|group| group.changes.is_empty() != differing);
        groups.map(|group| group.names.len()).sum::<usize>()
    };
    let (odd, read) = (names(true), names(true) + names(false));
    let mut said = match (odd, read) {
        (_, 0) => "Environments: none was compared".to_string(),
        (0, _) => format!("Environments: all of {read} as {}", environments.against),
        (odd, _) => {
            format!("Environments: {odd} of {read} {} from {}", if odd == 1 { "differs" } else { "differ" }, environments.against)
        }
    };
    if !environments.unread.is_empty() {
        said.push_str(&format!(" · {} could not be read", environments.unread.len()));
    }
    said
}

/// The one line that says it all: `⛔ Schema plan: 1 blocking, 2 warnings · 41 steps · proven ✓`.
pub fn headline(report: &Report) -> String {
    let counts = Counts::of(report);
    let sign = match report.verdict {
        Verdict::Error => "❌",
        Verdict::Blocked => "⛔",
        Verdict::Pass if counts.warnings > 0 || !report.not_covered.is_empty() => "⚠️",
        Verdict::Pass => "✅",
    };
    if report.verdict == Verdict::Error {
        return format!("{sign} Schema plan: could not be made");
    }
    if no_changes(report) {
        let tail = if report.verdict == Verdict::Blocked { " · not proven ✗" } else { "" };
        return format!("{sign} Schema plan: no changes{tail}");
    }
    let mut said = Vec::new();
    if counts.blocking > 0 {
        said.push(format!("{} blocking", counts.blocking));
    }
    if counts.accepted > 0 {
        said.push(format!("{} accepted", counts.accepted));
    }
    if counts.dangers > 0 {
        said.push(counted(counts.dangers, "danger"));
    }
    if counts.warnings > 0 {
        said.push(counted(counts.warnings, "warning"));
    }
    let what = if said.is_empty() { counted(report.changes.len(), "change") } else { said.join(", ") };
    let proven = if report.proven { "proven ✓" } else { "not proven ✗" };
    format!("{sign} Schema plan: {what} · {} · {proven}", counted(report.steps.len(), "step"))
}

/// What whoever opened the pull request does next; nothing when there is nothing to do, or an error's advice says it.
pub fn what_now(report: &Report) -> Option<&'static str> {
    let counts = Counts::of(report);
    let advised = report.error.as_ref().is_some_and(|error| error.advice.is_some());
    match report.verdict {
        Verdict::Error if advised => None,
        Verdict::Error => Some("mend that and push again; the status stays red until there is a plan."),
        Verdict::Blocked if !report.proven => Some(
            "nothing can accept a plan that is not proven: below is where it fails or what it leaves different. Change the SQL, or report a plan \
             that should have been right.",
        ),
        Verdict::Blocked if counts.blocking > 0 => {
            Some("each ⛔ below says what is safer; if all of it is meant, accept the plan with the words there.")
        }
        Verdict::Pass if counts.warnings + counts.dangers > 0 => {
            Some("nothing blocks; what the ⚠️ say should be read before this is merged.")
        }
        Verdict::Pass if counts.accepted > 0 => Some("nothing blocks: what does was accepted."),
        _ => None,
    }
}

/// The same of several databases, of which some could not be planned or are blocked.
pub fn what_now_of_several(errors: bool, blocked: bool) -> Option<&'static str> {
    match (errors, blocked) {
        (false, false) => None,
        (true, false) => Some("each ❌ below says what went wrong."),
        (false, true) => {
            Some("each ⛔ below says what is safer; if all of a plan is meant, accept it with the words in its section.")
        }
        (true, true) => Some(
            "each ❌ below says what went wrong, each ⛔ what is safer; if all of a plan is meant, accept it with the words in its section.",
        ),
    }
}

/// What is worst in a report, in a line; names are between backticks.
pub fn worst(report: &Report) -> String {
    let counts = Counts::of(report);
    let n = match counts.blocking {
        0 => counts.dangers + counts.warnings,
        n => n,
    };
    // The verdict puts them in this order.
    let first = report.findings.iter().find(|finding| finding.blocks || finding.accepted_by.is_none()).filter(|_| n > 0);
    match first {
        _ if report.verdict == Verdict::Error => report.reason.lines().next().unwrap_or_default().to_string(),
        Some(finding) => {
            let title = if finding.title.is_empty() { &finding.rule } else { &finding.title };
            let more = if n > 1 { format!(", and {} more", n - 1) } else { String::new() };
            format!("{title}: `{}`{more}", finding.object.replace('`', "\u{2019}"))
        }
        None if report.verdict == Verdict::Blocked => report.reason.clone(),
        None => String::new(),
    }
}

/// Whether there is nothing to show but the verdict.
pub fn no_changes(report: &Report) -> bool {
    report.changes.is_empty() && report.steps.is_empty()
}

/// The words of a comment that accepts this plan, to be completed by a reason.
pub fn accept(fingerprint: &str, reason: &str) -> String {
    format!("/schemaproof accept {fingerprint} {reason}")
}

/// The words that accept a report's plan, where that is what is missing.
pub fn accept_plan(report: &Report) -> Option<String> {
    let blocked = report.proven && Counts::of(report).blocking > 0;
    report.fingerprint.as_ref().filter(|_| blocked).map(|fingerprint| accept(fingerprint, "REASON"))
}

/// `1 index`, `15 indexes`, `2 policies`.
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        return format!("1 {noun}");
    }
    let plural = match noun {
        noun if noun.ends_with('y') => format!("{}ies", &noun[..noun.len() - 1]),
        noun if noun.ends_with('x') || noun.ends_with('s') => format!("{noun}es"),
        noun => format!("{noun}s"),
    };
    format!("{count} {plural}")
}

/// Digits in groups of three.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// `48 GB`, `1.5 MB`: as `pg_size_pretty` counts, in powers of 1024.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit < UNITS.len() - 1 {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(value < 10.0 && unit > 0 && value.fract() >= 0.05);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// An estimate with two digits that count: `about 1 200 000 rows`.
pub fn about(rows: u64) -> String {
    let mut step = 1;
    while rows / step >= 100 {
        step *= 10;
    }
    format!("about {} rows", number((rows + step / 2) / step * step))
}

pub fn seconds(seconds: f64) -> String {
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

pub fn milliseconds(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => seconds(ms / 1000.0),
    }
}

/// `AccessExclusiveLock` -> what a session that reads or writes the table notices.
pub fn lock_effect(mode: &str) -> &'static str {
    match mode {
        "AccessExclusiveLock" => "reads and writes wait",
        "ExclusiveLock" | "ShareRowExclusiveLock" | "ShareLock" => "writes wait",
        _ => "",
    }
}

/// What an online plan could not do without blocking: steps by their index, and the locks.
pub fn not_online(steps: &[(usize, Vec<Lock>)]) -> Remark {
    let lines = steps.iter().flat_map(|(at, locks)| {
        locks.iter().map(move |lock| format!("step {}: {} on {}", at + 1, lock.mode.trim_end_matches("Lock"), lock.relation))
    });
    Remark {
        title: "Not everything can be done online".into(),
        text: "These steps read or write a whole table while writers wait: Postgres has no other statement for them. Run them when nobody \
               writes, or go by way of a new column or table that is filled in batches."
            .into(),
        quote: Some(lines.collect::<Vec<_>>().join("\n")),
        file: None,
        line: None,
    }
}

pub fn column_order(tables: &[String]) -> Remark {
    Remark {
        title: "The order of columns differs".into(),
        text: "No `ALTER TABLE` can move a column, so the plan leaves these where they are. Everything else is equal.".into(),
        quote: Some(tables.join("\n")),
        file: None,
        line: None,
    }
}

/// Behind a change that was there before the pull request.
pub const EARLIER: &str = " (not by this pull request)";

/// Which part of a plan for a live database is not the pull request's; names are between backticks.
pub fn earlier(report: &Report) -> Option<String> {
    let earlier = report.earlier.as_ref()?;
    if earlier.changes.is_empty() {
        return Some(format!("The database has the schema of `{}`: all changes are this pull request\u{2019}s.", earlier.base));
    }
    let count = match earlier.changes.len() == report.changes.len() {
        true => "None of the changes is".to_string(),
        false => format!("{} of {} changes are not", earlier.changes.len(), report.changes.len()),
    };
    let steps: Vec<String> = earlier.steps.iter().take(20).map(|step| (step + 1).to_string()).collect();
    let more = if earlier.steps.len() > 20 { " and others" } else { "" };
    let which = match steps.len() {
        0 => String::new(),
        1 => format!(" Step {} makes up for that alone.", steps[0]),
        _ => format!(" Steps {}{more} make up for that alone.", steps.join(", ")),
    };
    Some(format!("{count} this pull request\u{2019}s: the database differs from `{}` already.{which}", earlier.base))
}
