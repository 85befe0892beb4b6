//! Submitting: the request is on disk before anybody is told that it is taken.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

use kit::failure::Attempt;
use kit::git::Repository;
use kit::process::Program;
use kit::root::Root;
use kit::{Context, Failure, Outcome, files};
use serde_json::Value;

use crate::args::Submission;
use crate::entry::{Entry, Queue};
use crate::fate::is_settled;
use crate::follow;

pub(crate) fn submit(submission: &Submission, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.records("submit")?;
    let root = cx.root()?;
    let environment = cx.settings.require("DEPLOY_ENV")?;
    let (_, commit) = Repository::find(&cx.settings, &submission.target)?;
    let queue = Queue::of(&root);
    let lock = queue.lock("deploy-queue submit")?;
    let mut before = queue.waiting()?;
    let history = cx.history()?;
    let entry = Entry::new(commit, submission, asker(submission.by.as_deref(), cx));
    let entry = queue.add(entry, &before, &history)?;
    before.retain(|entry| !is_settled(entry.number, &history));
    cx.detail("entry", entry.number);
    cx.detail("ref", entry.reference.clone().map_or(Value::Null, Value::from));
    cx.detail("by", entry.by.clone());
    let next = match (history.hold(), kit::lock::holder(&root, kit::lock::ENVIRONMENT)?) {
        (Some(hold), _) => format!(", waits: {hold}"),
        (None, Some(holder)) => format!(", next after {}", holder.split(", process").next().unwrap_or_default()),
        (None, None) => ", begins now".to_owned(),
    };
    let place = place(&entry, &environment, &before, &next);
    cx.detail("place", place.clone());
    let records = history.records.len();
    drop(lock);
    start_runner(&root, cx, &[])?;
    if submission.follow {
        cx.say(&place);
        return follow::follow(&entry, records, &root, cx);
    }
    Ok(Outcome::done(place))
}

/// Who asks: as they said, else the user's name.
pub(crate) fn asker(named: Option<&str>, cx: &Context) -> String {
    let by = named.map(str::to_owned).or_else(|| cx.settings.get("USER"));
    by.unwrap_or_else(|| format!("user {}", rustix::process::geteuid().as_raw()))
}

/// The answer to whoever submits: what it is called, and what happens next.
fn place(entry: &Entry, environment: &str, before: &[Entry], next: &str) -> String {
    let commit: String = entry.commit.chars().take(7).collect();
    let mut text = format!("submission {}: {commit} to {environment}{next}", entry.number);
    if let Some(last) = before.last() {
        text += &format!("; takes the place of submission {}, which is not deployed", last.number);
    }
    text
}

/// Starts a runner in the background. If one is at work it finds the new submission itself, and this one goes home.
pub(crate) fn start_runner(root: &Root, cx: &Context, flags: &[&str]) -> Result<(), Failure> {
    files::make_private_dir(&root.logs())?;
    let path = root.logs().join("runner.log");
    let log = OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let log = log.attempt(format_args!("open the log {}", path.display()))?;
    let runner = Program::tool("deploy-queue")?.arg("run").args(flags).dir(root.path());
    let runner = match cx.settings.file() {
        Some(file) => runner.env("PUSHBACK_ENV", file),
        None => runner,
    };
    runner.detach(log)
}
