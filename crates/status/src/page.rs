//! The state of an environment for a person: the answer, a line a part, a line a deployment, and the warnings.

use kit::Failure;
use kit::clock::{self, Time, rfc3339};
use kit::quantity::{age, size};
use kit::voice::clean_line;

use crate::backup::Backup;
use crate::health::{Health, Verdict};
use crate::judgement::Judgement;
use crate::live::Live;
use crate::past::Past;
use crate::queue::Queue;
use crate::status::Status;
use crate::way_back::WayBack;

/// The page. Every line of it is cleaned: hardly a text on it is our own.
pub(crate) fn page(status: &Status, judgement: &Judgement, now: Time) -> String {
    let mut rows = live_rows(status, now);
    rows.extend(health(&status.health, now));
    rows.push(row("backup", &status.backup, |backup| backup_line(backup.as_ref(), now)));
    let live = status.live.as_ref().ok().and_then(Option::as_ref).map(|live| live.release.to_string());
    rows.push(row("way back", &status.way_back, |back| way_back(back, live.as_deref())));
    rows.push(row("queue", &status.queue, queue));
    let mut lines = vec![format!("{}: {}", status.environment, judgement.word()), String::new()];
    lines.extend(rows.iter().map(|(label, text)| format!("  {label:8}  {text}")));
    lines.push(String::new());
    lines.extend(deployments(&status.deployments));
    lines.extend(judgement.warnings.iter().map(|warning| format!("warning: {warning}")));
    let lines: Vec<String> = lines.iter().map(|line| clean_line(line).trim_end().to_owned()).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

type Row = (&'static str, String);

/// A part of the state as a row: what was found out, or why it could not be.
fn row<T>(label: &'static str, part: &Result<T, Failure>, spell: impl FnOnce(&T) -> String) -> Row {
    (label, part.as_ref().map_or_else(not_found_out, spell))
}

fn not_found_out(failure: &Failure) -> String {
    format!("could not be found out: {}", failure.message)
}

fn live_rows(status: &Status, now: Time) -> Vec<Row> {
    match &status.live {
        Ok(Some(live)) => vec![
            ("live", format!("{}  {}", live.release, live.subject.as_deref().unwrap_or_default())),
            ("commit", live.commit.clone()),
            row("tags", &live.tags, |tags| if tags.is_empty() { "none".to_owned() } else { tags.join(", ") }),
            ("from", from(live)),
            ("since", live.since.map_or_else(|| "the journal does not tell".to_owned(), |since| moment(since, now))),
            ("verified", verified(live, status)),
        ],
        Ok(None) => vec![("live", "nothing".to_owned())],
        Err(failure) => vec![("live", not_found_out(failure))],
    }
}

/// Where it came from and who wanted it, as far as the journal tells.
fn from(live: &Live) -> String {
    let told = [("", &live.reference), ("by ", &live.author), ("asked for by ", &live.by)];
    let told = told.iter().filter_map(|(word, text)| Some(format!("{word}{}", text.as_ref()?)));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "the journal does not tell".to_owned() } else { told.join(", ") }
}

fn verified(live: &Live, status: &Status) -> String {
    let runs = live.deploy.as_ref().filter(|deploy| status.queue.as_ref().is_ok_and(|queue| queue.runs(deploy)));
    match (live.bad, live.verified, runs) {
        (true, ..) => "no: it is marked bad".to_owned(),
        (false, true, _) => "yes".to_owned(),
        (false, false, Some(deploy)) => format!("not yet: {deploy} runs"),
        (false, false, None) => "no".to_owned(),
    }
}

/// The answer of all checks, and a line for each that is not simply well.
fn health(health: &Health, now: Time) -> Vec<Row> {
    let ill = health.checks.iter().filter(|check| check.verdict != "pass");
    let ill = ill.map(|check| ("", format!("{}: {}: {}", check.name, check.verdict, check.message)));
    let ill: Vec<Row> = ill.collect();
    let when = health.recorded_at.map(|at| format!(", recorded {}", ago(at, now))).unwrap_or_default();
    let text = match &health.verdict {
        Verdict::Healthy => format!("{}{when}", passed(health.checks.len(), ill.len())),
        Verdict::Unhealthy(failure) => format!("{}{when}", failure.message),
        Verdict::Unknown(failure) => not_found_out(failure),
        Verdict::None(why) => format!("not asked: {why}"),
    };
    [("health", text)].into_iter().chain(ill).collect()
}

/// How many checks passed: one that warns does not, and neither does it make the app unhealthy.
fn passed(all: usize, ill: usize) -> String {
    match (all, ill) {
        (1, 0) => "1 check passes".to_owned(),
        (all, 0) => format!("{all} checks pass"),
        (all, ill) => format!("{} of {all} checks pass", all - ill),
    }
}

fn backup_line(backup: Option<&Backup>, now: Time) -> String {
    let Some(backup) = backup else {
        return "none".to_owned();
    };
    let age = backup.made_at().map(|made_at| format!(", {}", ago(made_at, now))).unwrap_or_default();
    let size = backup.stored_size.map(|bytes| format!(", {}", size(bytes))).unwrap_or_default();
    format!("{}{age}{size}{}", backup.name, if backup.damaged.is_some() { ", damaged" } else { "" })
}

fn way_back(way_back: &WayBack, live: Option<&str>) -> String {
    let expected = way_back.expected_ms.map(|expected| format!(", in about {}", clock::spell(expected)));
    match (&way_back.to, way_back.problems.len()) {
        (None, 0) => "none: there is nothing to go back to".to_owned(),
        (None, _) => "broken".to_owned(),
        (Some(to), 0) => {
            // What is live and good is not left: it is where the next deployment goes back to.
            let stays = if live == Some(to) { ": it is live, and a next one that fails goes back to it" } else { "" };
            format!("to {to}{}{stays}", expected.unwrap_or_default())
        }
        (Some(to), _) => format!("to {to}, broken"),
    }
}

fn queue(queue: &Queue) -> String {
    let runs = match (queue.running(), &queue.holder) {
        ([], None) => "nothing runs".to_owned(),
        ([], Some(holder)) => format!("busy: the lock is held by {holder}"),
        (running, _) => format!("{} runs", running.join(", ")),
    };
    let waits = match queue.waiting.len() {
        0 => "nothing waits".to_owned(),
        1 => "1 submission waits".to_owned(),
        waiting => format!("{waiting} submissions wait"),
    };
    format!("{runs}, {waits}{}", if queue.held.is_some() { ", held" } else { "" })
}

fn deployments(deployments: &[Past]) -> Vec<String> {
    let width = deployments.iter().map(|past| past.deploy.to_string().len()).max().unwrap_or_default();
    let line = |past: &Past| {
        let became = match past.end {
            Some((code, outcome, took)) => format!("exit {code}: {outcome} ({})", clock::spell(took)),
            None => "runs, or was killed".to_owned(),
        };
        let commit = past.commit.get(..7).unwrap_or(&past.commit);
        format!("  {}  {:width$}  {commit}  {became}", rfc3339(past.began_at), past.deploy.to_string())
    };
    deployments.iter().map(line).collect()
}

fn moment(time: Time, now: Time) -> String {
    format!("{} ({})", rfc3339(time), ago(time, now))
}

/// `3 h ago`; `in 3 h` when the clock was set back since.
fn ago(time: Time, now: Time) -> String {
    let age = age(time, now);
    if time > now { age } else { format!("{age} ago") }
}
