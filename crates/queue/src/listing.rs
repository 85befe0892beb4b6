//! What runs, what waits, and what became of the rest.

use std::fs;
use std::io;

use kit::clock::{self, rfc3339};
use kit::history::{Deployment, History};
use kit::journal::Record;
use kit::root::DeployId;
use kit::{Context, Exit, Failure, Outcome, lock, voice};
use serde_json::json;

use crate::entry::{Entry, Queue, number_in};
use crate::fate::{is_settled, why_not};
use crate::runner::RUNNER;

pub(crate) fn list(cx: &mut Context) -> Result<Outcome, Failure> {
    let root = cx.root()?;
    let holder = lock::holder(&root, lock::ENVIRONMENT)?;
    let history = cx.history()?;
    let hold = history.hold();
    let mut lines: Vec<String> = hold.iter().map(|hold| format!("{hold}; deploy-queue unhold ends it")).collect();
    for open in history.open() {
        let state = if holder.is_some() { "runs" } else { "was killed; the next run settles it" };
        lines.push(format!("{}  {}  {state} since {}", open.id, short(&open.commit), rfc3339(open.began_at)));
    }
    if let (Some(holder), true) = (&holder, lines.is_empty()) {
        lines.push(format!("busy: the lock is held by {holder}"));
    }
    let mut waiting = Queue::of(&root).waiting()?;
    // A kill may leave the file of one that is settled.
    waiting.retain(|entry| !is_settled(entry.number, &history));
    for (index, entry) in waiting.iter().enumerate() {
        let by = voice::clean_line(&entry.by);
        let next = match waiting.get(index + 1..).and_then(<[Entry]>::last) {
            Some(newest) => format!("submission {} takes its place", newest.number),
            None if hold.is_some() => "begins when the hold ends".to_owned(),
            None => "is next".to_owned(),
        };
        let since = rfc3339(entry.submitted_at);
        lines.push(format!(
            "submission {}  {}  waits since {since}, by {by}; {next}",
            entry.number,
            short(&entry.commit)
        ));
    }
    let idle = hold.is_none() && !waiting.is_empty() && lock::holder(&root, RUNNER)?.is_none();
    if idle {
        lines.push(format!("no runner is at work{}; deploy-queue run starts one", why(&history)));
    }
    let numbers: Vec<u64> = waiting.iter().map(|entry| entry.number).collect();
    cx.detail("running", history.open().map(|open| open.id.to_string()).collect::<Vec<_>>());
    cx.detail("waiting", numbers);
    cx.detail("holder", json!(holder));
    let details = hold.map(|hold| json!({"reason": hold.reason, "by": hold.by, "since": rfc3339(hold.since)}));
    cx.detail("held", details.unwrap_or_default());
    if lines.is_empty() {
        cx.say("nothing runs and nothing waits");
    }
    Ok(Outcome::done(lines.join("\n")))
}

/// Why the last runner stopped, when it did so with an error.
fn why(history: &History) -> String {
    let mut ends = history.records.iter().rev().filter(|record| record.tool == "deploy-queue");
    let last = ends.find(|record| matches!(record.command.as_deref(), Some("run" | "end")));
    let error = last.and_then(|record| record.error.as_ref().filter(|_| record.is("deploy-queue", "run")));
    error.map(|error| format!(", the last one stopped: {}", error.message)).unwrap_or_default()
}

/// The last deployments and the submissions that were not deployed, oldest first.
pub(crate) fn log(last: usize, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.root()?;
    let history = cx.history()?;
    let settled = history.records.iter().filter_map(|record| match record.command.as_deref() {
        Some("begin") => history.deployment(&record.deploy.as_deref()?.parse().ok()?).map(line),
        Some("supersede" | "refuse" | "cancel") => number_in(record).map(|entry| dropped(record, entry)),
        Some("hold" | "unhold") if record.tool == "deploy-queue" => Some(held(record)),
        _ => None,
    });
    let lines: Vec<String> = settled.collect();
    let shown: Vec<&str> = lines.iter().skip(lines.len().saturating_sub(last)).map(String::as_str).collect();
    cx.detail("lines", shown.clone());
    if history.unreadable > 0 {
        cx.warn(&format!("{} lines of the journal could not be read", history.unreadable));
    }
    Ok(Outcome::done(shown.join("\n")))
}

fn line(deployment: &Deployment) -> String {
    let end = deployment.records.iter().rfind(|record| record.is("deploy-queue", "end"));
    let became = match (deployment.exit_code, end) {
        (Some(code), Some(end)) => {
            format!("exit {code}: {} ({})", deployment.outcome(code), clock::spell(end.duration_ms))
        }
        _ => "runs, or was killed".to_owned(),
    };
    let entry = deployment.begin().and_then(number_in).unwrap_or_default();
    format!(
        "{}  {}  submission {entry}  {}  {became}",
        rfc3339(deployment.began_at),
        deployment.id,
        short(&deployment.commit)
    )
}

fn dropped(record: &Record, entry: u64) -> String {
    let commit = record.commit.as_deref().unwrap_or_default();
    let (at, why) = (rfc3339(record.started_at), why_not(record));
    format!("{at}  submission {entry}  {}  not deployed: {why}", short(commit))
}

fn held(record: &Record) -> String {
    let word = if record.text("reason").is_some() { "held" } else { "not held any more" };
    let reason = record.text("reason").map(|reason| format!(": {reason}")).unwrap_or_default();
    let by = record.text("by").unwrap_or_default();
    voice::clean_line(&format!("{}  {word}, by {by}{reason}", rfc3339(record.started_at)))
}

/// Prints a deployment's log, without what could steer a terminal.
pub(crate) fn show(id: &DeployId, cx: &mut Context) -> Result<Outcome, Failure> {
    let path = cx.root()?.logs().join(format!("{id}.log"));
    match fs::read(&path) {
        Ok(text) => {
            let text = voice::clean(&String::from_utf8_lossy(&text));
            cx.detail("log", text.clone());
            Ok(Outcome::done(text))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let failure =
                Failure::new(Exit::ABSENT, format!("there is no log of {id}: {} is not there", path.display()));
            Err(failure.hint("deploy-queue log lists the deployments"))
        }
        Err(error) => Err(Failure::io(format_args!("read {}", path.display()), &error)),
    }
}

/// The first characters of a commit, as the journal or a file in the queue has it: whatever that is.
fn short(commit: &str) -> String {
    voice::clean_line(&commit.chars().take(7).collect::<String>())
}
