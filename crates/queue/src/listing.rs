//! What runs, what waits, and what became of the rest.

use std::fs;
use std::io;

use kit::clock::{self, rfc3339};
use kit::history::Deployment;
use kit::journal::Record;
use kit::root::DeployId;
use kit::{Context, Exit, Failure, Outcome, lock, voice};
use serde_json::json;

use crate::entry::{Queue, number_in};

pub(crate) fn list(cx: &mut Context) -> Result<Outcome, Failure> {
    let root = cx.root()?;
    let holder = lock::holder(&root)?;
    let history = cx.history()?;
    let mut lines = Vec::new();
    for open in history.open() {
        let state = if holder.is_some() { "runs" } else { "was killed; the next run settles it" };
        lines.push(format!("{}  {}  {state} since {}", open.id, short(&open.commit), rfc3339(open.began_at)));
    }
    if let (Some(holder), true) = (&holder, lines.is_empty()) {
        lines.push(format!("busy: the lock is held by {holder}"));
    }
    let waiting = Queue::of(&root).waiting()?;
    for entry in &waiting {
        let by = voice::clean_line(&entry.by);
        lines.push(format!(
            "submission {}  {}  waits since {}, by {by}",
            entry.number,
            short(&entry.commit),
            rfc3339(entry.submitted_at)
        ));
    }
    let numbers: Vec<u64> = waiting.iter().map(|entry| entry.number).collect();
    cx.detail("running", history.open().map(|open| open.id.to_string()).collect::<Vec<_>>());
    cx.detail("waiting", numbers);
    cx.detail("holder", json!(holder));
    if lines.is_empty() {
        cx.say("nothing runs and nothing waits");
    }
    Ok(Outcome::done(lines.join("\n")))
}

/// The last deployments and the submissions that were not deployed, oldest first.
pub(crate) fn log(last: usize, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.root()?;
    let history = cx.history()?;
    let settled = history.records.iter().filter_map(|record| match record.command.as_deref() {
        Some("begin") => history.deployment(&record.deploy.as_deref()?.parse().ok()?).map(line),
        Some("supersede" | "refuse") => Some(dropped(record)),
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

fn dropped(record: &Record) -> String {
    let entry = number_in(record).unwrap_or_default();
    let commit = record.commit.as_deref().unwrap_or_default();
    let why = match (&record.error, record.details.get("by_entry")) {
        (Some(error), _) => error.message.clone(),
        (None, Some(newer)) => format!("submission {newer} is newer"),
        (None, None) => String::new(),
    };
    format!("{}  submission {entry}  {}  not deployed: {why}", rfc3339(record.started_at), short(commit))
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

fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}
