//! Holding an environment: a person's word that no deployment may begin, kept in the journal until it is taken back.

use kit::{Context, Exit, Failure, Outcome, voice};
use serde_json::Value;

use crate::entry::Queue;
use crate::submit::{asker, start_runner};

pub(crate) fn hold(reason: &str, by: Option<&str>, cx: &mut Context) -> Result<Outcome, Failure> {
    let reason = voice::clean_line(reason.trim());
    if reason.is_empty() {
        let failure = Failure::new(Exit::USAGE, "cannot hold without a reason: those who push are told it");
        return Err(failure.hint("deploy-queue hold 'the database is being repaired'"));
    }
    cx.opens_journal()?;
    let root = cx.root()?;
    let _queue = Queue::of(&root).lock("deploy-queue hold")?;
    declare("hold", Some(&reason), by, cx)?;
    let history = cx.history()?;
    for open in history.open() {
        cx.say(&format!("{} is in progress and goes on; deploy-queue cancel {} stops it", open.id, open.id));
    }
    Ok(Outcome::done(history.hold().map(|hold| hold.to_string()).unwrap_or_default()))
}

pub(crate) fn unhold(by: Option<&str>, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.opens_journal()?;
    let root = cx.root()?;
    let queue = Queue::of(&root);
    let lock = queue.lock("deploy-queue unhold")?;
    if cx.history()?.hold().is_none() {
        return Ok(cx.skip("nothing is held"));
    }
    declare("unhold", None, by, cx)?;
    drop(lock);
    let Some(newest) = queue.waiting()?.pop() else {
        return Ok(Outcome::done("not held any more; nothing waits"));
    };
    start_runner(&root, cx, &[])?;
    Ok(Outcome::done(format!("not held any more; submission {} begins", newest.number)))
}

/// The record is the hold: without it nothing is held.
fn declare(word: &str, reason: Option<&str>, by: Option<&str>, cx: &Context) -> Result<(), Failure> {
    let mut record = cx.blank_done(word);
    if let Some(reason) = reason {
        record.details.insert("reason".to_owned(), Value::from(reason));
    }
    record.details.insert("by".to_owned(), voice::clean_line(&asker(by, cx)).into());
    cx.append(&record)
}
