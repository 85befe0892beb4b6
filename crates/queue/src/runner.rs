//! The runner: works the queue off, one deployment at a time, until nothing waits.

use kit::git::Repository;
use kit::lock::{self, Lock};
use kit::root::Root;
use kit::{Context, Failure, Outcome, signal};

use crate::deployment;
use crate::entry::{Entry, Queue};
use crate::fate::is_settled;
use crate::recovery;

/// The lock of the one runner that an environment has.
pub(crate) const RUNNER: &str = "runner";

pub(crate) fn run(cx: &mut Context) -> Result<Outcome, Failure> {
    // A session of its own: whoever pushed may hang up. One that leads its group already has been given one.
    rustix::process::setsid().ok();
    cx.opens_journal()?;
    let worked = work_off(cx);
    if worked.is_err() {
        // Nobody reads a runner's stderr. The record tells those who follow that it stopped, and why.
        cx.records("run")?;
    }
    worked
}

fn work_off(cx: &Context) -> Result<Outcome, Failure> {
    let root = cx.root()?;
    let repository = Repository::open(&cx.settings)?;
    loop {
        let Some(runner) = Lock::try_hold(&root, RUNNER, "deploy-queue run")? else {
            cx.say("another runner is at work, and takes what waits");
            return Ok(Outcome::done(""));
        };
        while deploy_newest(&root, &repository, cx)? {}
        drop(runner);
        // Whoever submitted, or took a hold away, while we held the runner's lock relies on us to look again after
        // letting it go.
        if Queue::of(&root).waiting()?.is_empty() || cx.history()?.hold().is_some() {
            return Ok(Outcome::done(""));
        }
    }
}

/// One turn under the environment's lock: settle what was left, then deploy the newest submission. False when nothing
/// waits.
fn deploy_newest(root: &Root, repository: &Repository, cx: &Context) -> Result<bool, Failure> {
    let lock = Lock::wait(root, lock::ENVIRONMENT, "deploy-queue run")?;
    recovery::settle_all(&lock, cx)?;
    let queue = Queue::of(root).lock("deploy-queue run")?;
    // A signal that came too late for the last deployment is not meant for the next one.
    signal::check()?;
    let Some(entry) = take(root, cx)? else {
        return Ok(false);
    };
    let begun = deployment::begin(&entry, root, repository, cx)?;
    drop(queue);
    if let Some(deployment) = begun {
        deployment::run(&deployment, entry.force, root, &lock, cx)?;
    }
    Ok(true)
}

/// The newest submission; none while the environment is held. Those that it overtakes are told so and taken out; one
/// that the journal has settled already was left by a kill in between.
fn take(root: &Root, cx: &Context) -> Result<Option<Entry>, Failure> {
    let queue = Queue::of(root);
    let history = cx.history()?;
    let (settled, mut waiting): (Vec<Entry>, Vec<Entry>) =
        queue.waiting()?.into_iter().partition(|entry| is_settled(entry.number, &history));
    for entry in &settled {
        queue.remove(entry)?;
    }
    if let Some(hold) = history.hold() {
        cx.say(&format!("{hold}; {} wait", waiting.len()));
        return Ok(None);
    }
    let newest = waiting.pop();
    for (overtaken, newest) in waiting.iter().zip(newest.iter().cycle()) {
        let mut record = cx.blank("supersede");
        record.commit = Some(overtaken.commit.clone());
        record.details.insert("entry".to_owned(), overtaken.number.into());
        record.details.insert("by_entry".to_owned(), newest.number.into());
        cx.append(&record)?;
        queue.remove(overtaken)?;
    }
    Ok(newest)
}
