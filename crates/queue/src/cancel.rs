//! Cancelling: a submission is taken back or has begun, never both; a deployment in progress is stopped and undone by
//! its own runner.

use std::time::Duration;

use kit::history::History;
use kit::journal::Record;
use kit::lock;
use kit::root::{DeployId, Root};
use kit::{Context, Exit, Failure, Outcome, signal, voice};
use rustix::process::{Pid, Signal};

use crate::args::Target;
use crate::entry::{Entry, Queue};
use crate::fate::{is_settled, settled_by, why_not};
use crate::follow::Nudge;
use crate::runner::RUNNER;
use crate::submit::{asker, start_runner};

/// Often enough for a person who waits.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is to be cancelled, all of it proven to wait or to run.
struct Plan {
    waiting: Vec<Entry>,
    running: Vec<(DeployId, Pid)>,
}

pub(crate) fn cancel(what: &[Target], by: Option<&str>, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.opens_journal()?;
    let root = cx.root()?;
    let by = voice::clean_line(&asker(by, cx));
    let queue = Queue::of(&root);
    // As long as we have the turn nothing begins: what waits can be taken out, and the runner works for no other
    // deployment than the one that is meant.
    let turn = queue.lock("deploy-queue cancel")?;
    let plan = plan(what, &root, cx)?;
    cx.detail("submissions", plan.waiting.iter().map(|entry| entry.number).collect::<Vec<_>>());
    cx.detail("deployments", plan.running.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>());
    cx.detail("by", by.clone());
    for entry in &plan.waiting {
        take_back(entry, &queue, &by, cx)?;
    }
    for (id, runner) in &plan.running {
        stop(id, *runner, &by, cx)?;
    }
    drop(turn);
    let taken_back = plan.waiting.iter().map(|entry| Ok(format!("submission {} is cancelled", entry.number)));
    let stopped = plan.running.iter().map(|(id, _)| wait_for_end(id, &root, cx));
    let lines = taken_back.chain(stopped).collect::<Result<Vec<_>, _>>()?;
    Ok(Outcome::done(lines.join("\n")))
}

fn take_back(entry: &Entry, queue: &Queue, by: &str, cx: &Context) -> Result<(), Failure> {
    let mut record = cx.blank_done("cancel");
    record.commit = Some(entry.commit.clone());
    record.details.insert("entry".to_owned(), entry.number.into());
    record.details.insert("by".to_owned(), by.into());
    cx.append(&record)?;
    queue.remove(entry)
}

/// Tells the runner to stop, once the journal says why: that is how it knows that it was not the runner who was meant.
fn stop(id: &DeployId, runner: Pid, by: &str, cx: &Context) -> Result<(), Failure> {
    let mut record = cx.blank_done("cancel");
    record.deploy = Some(id.to_string());
    record.details.insert("by".to_owned(), by.into());
    cx.append(&record)?;
    // One that has gone meanwhile is none to stop: its deployment has ended, or the next runner settles it.
    rustix::process::kill_process(runner, Signal::TERM).ok();
    Ok(())
}

fn plan(what: &[Target], root: &Root, cx: &Context) -> Result<Plan, Failure> {
    // The locks before the journal: a deployment that is open afterwards was so before.
    let (holder, runner) = (lock::holder(root, lock::ENVIRONMENT)?, runner(root)?);
    let history = cx.history()?;
    let mut waiting = Queue::of(root).waiting()?;
    waiting.retain(|entry| !is_settled(entry.number, &history));
    let mut plan = Plan { waiting: Vec::new(), running: Vec::new() };
    for (index, one) in what.iter().enumerate() {
        match one {
            _ if what.iter().take(index).any(|before| before == one) => {}
            Target::Submission(number) => {
                let entry = waiting.iter().find(|entry| entry.number == *number);
                plan.waiting.push(entry.cloned().ok_or_else(|| not_waiting(*number, &history))?);
            }
            Target::Deployment(id) => {
                must_run(id, &history, holder.is_some())?;
                must_not_go_back(id, &history)?;
                plan.running.push((id.clone(), runner.ok_or_else(|| works_alone(id))?));
            }
        }
    }
    Ok(plan)
}

/// The runner that works for the deployment in progress: it holds both locks. A second one only waits.
fn runner(root: &Root) -> Result<Option<Pid>, Failure> {
    let runner = lock::process_of(root, RUNNER)?;
    Ok(runner.filter(|_| lock::process_of(root, lock::ENVIRONMENT).is_ok_and(|holder| holder == runner)))
}

fn not_waiting(number: u64, history: &History) -> Failure {
    let Some(record) = settled_by(number, history) else {
        let failure = Failure::new(Exit::ABSENT, format!("there is no submission {number}"));
        return failure.hint("deploy-queue list shows what waits");
    };
    let id = record.deploy.as_deref().and_then(|id| id.parse::<DeployId>().ok());
    let deployment = id.and_then(|id| history.deployment(&id));
    let became = match deployment.map(|deployment| (deployment, deployment.exit_code)) {
        Some((deployment, Some(code))) => {
            format!("it was {}: exit {code}: {}", deployment.id, deployment.outcome(code))
        }
        Some((deployment, None)) => format!("it has begun as {}", deployment.id),
        None => why_not(record),
    };
    let failure = Failure::new(Exit::ABSENT, format!("submission {number} does not wait: {became}"));
    match deployment.filter(|deployment| deployment.exit_code.is_none()) {
        Some(open) => failure.hint(format!("to stop it: deploy-queue cancel {}", open.id)),
        None => failure,
    }
}

fn must_run(id: &DeployId, history: &History, locked: bool) -> Result<(), Failure> {
    let failure = match history.deployment(id).map(|deployment| (deployment, deployment.exit_code)) {
        None => Failure::new(Exit::ABSENT, format!("there is no deployment {id}")),
        Some((deployment, Some(code))) => {
            Failure::new(Exit::ABSENT, format!("{id} does not run: exit {code}: {}", deployment.outcome(code)))
        }
        Some((_, None)) if !locked => Failure::new(Exit::ABSENT, format!("{id} does not run: it was killed"))
            .hint("deploy-queue run finishes or undoes it"),
        Some((_, None)) => return Ok(()),
    };
    Err(failure)
}

/// A rollback that is stopped begins anew: the app would only be down for longer.
fn must_not_go_back(id: &DeployId, history: &History) -> Result<(), Failure> {
    let records = history.deployment(id).map_or(&[][..], |deployment| &deployment.records);
    if !records.iter().rfind(|record| record.is("rollback", "deploy")).is_some_and(Record::begins) {
        return Ok(());
    }
    let failure = Failure::new(Exit::BUSY, format!("{id} is being rolled back already"));
    Err(failure.hint(format!("deploy-queue log {id} tells what becomes of it")))
}

fn works_alone(id: &DeployId) -> Failure {
    let message = format!("{id} cannot be stopped: its runner was killed, and its pipeline works on alone");
    Failure::new(Exit::BUSY, message).hint("wait until it is through; the next deploy-queue run settles it")
}

/// Waits until the journal holds the end, and sees to it that a runner takes what else waits.
fn wait_for_end(id: &DeployId, root: &Root, cx: &Context) -> Result<String, Failure> {
    let mut nudge = Nudge::new();
    let (code, words) = loop {
        let history = cx.history()?;
        let ended = history.deployment(id).and_then(|one| Some((one.exit_code?, one.outcome(one.exit_code?))));
        if let Some(ended) = ended {
            break ended;
        }
        nudge.turn(root, cx)?;
        signal::sleep(LOOK_EVERY)?;
    };
    start_runner(root, cx, &[])?;
    let told = format!("{id}: exit {code}: {words}");
    match code {
        129.. => Ok(told),
        5 => Err(Failure::new(Exit::IO, format!("{id} was stopped, and could not be undone: exit 5: {words}"))
            .hint(format!("deploy-queue log {id} tells why; see docs/recovery.md"))),
        _ => Err(Failure::new(Exit::ABSENT, format!("{told}: it was through before it could be stopped"))),
    }
}
