//! All checks at once: gates first, and the rest only if these pass. What is written in logs while the app is asked
//! counts too, so logs are looked at last.

use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use kit::failure::Attempt;
use kit::progress::Line;
use kit::{Exit, Failure, signal};

use crate::check::Check;
use crate::trial::{Conditions, Trial};

/// How often the wait for checks looks for signals.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Makes all checks; the trials stand in the order of the checks. The line shows how many are made.
pub(crate) fn run(
    checks: &Arc<Vec<Check>>,
    conditions: &Arc<Conditions>,
    mut line: Line,
) -> Result<Vec<Trial>, Failure> {
    let mut made = |before: usize, now: usize| line.count(before + now, checks.len());
    let (gates, rest): (Vec<usize>, Vec<usize>) =
        (0..checks.len()).partition(|index| checks.get(*index).is_some_and(|check| check.gate));
    let mut trials = run_together(gates, checks, conditions, &mut |now| made(0, now))?;
    let closed = trials.iter().find(|(_, trial)| trial.verdict.stops());
    let gate = closed.and_then(|(index, _)| checks.get(*index)).map(|gate| &gate.name);
    match gate {
        None => {
            let reads_log = |index: &usize| checks.get(*index).is_some_and(|check| check.subject.log().is_some());
            let (logs, rest): (Vec<usize>, _) = rest.into_iter().partition(reads_log);
            for some in [rest, logs] {
                let before = trials.len();
                trials.extend(run_together(some, checks, conditions, &mut |now| made(before, now))?);
            }
        }
        Some(gate) => trials.extend(rest.into_iter().map(|index| (index, Trial::skipped(gate)))),
    }
    trials.sort_by_key(|(index, _)| *index);
    Ok(trials.into_iter().map(|(_, trial)| trial).collect())
}

/// Makes some of the checks, and tells again and again how many of them are made. Waits for each, but not longer than until
/// the deadline or a signal.
pub(crate) fn run_together(
    indexes: Vec<usize>,
    checks: &Arc<Vec<Check>>,
    conditions: &Arc<Conditions>,
    tell: &mut dyn FnMut(usize),
) -> Result<Vec<(usize, Trial)>, Failure> {
    let receiver = start(&indexes, checks, conditions)?;
    let mut trials = Vec::new();
    while trials.len() < indexes.len() {
        tell(trials.len());
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(trial) => trials.push(trial),
            Err(RecvTimeoutError::Timeout) if conditions.is_overdue() => break,
            Err(RecvTimeoutError::Timeout) => signal::check().inspect_err(|_| conditions.await_commands())?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::new(Exit::BUG, "a check ended without a verdict"));
            }
        }
    }
    signal::check()?;
    let done: BTreeSet<usize> = trials.iter().map(|(index, _)| *index).collect();
    for index in indexes.into_iter().filter(|index| !done.contains(index)) {
        trials.extend(checks.get(index).map(|check| (index, Trial::unfinished(check, conditions))));
    }
    Ok(trials)
}

/// Threads take checks from a queue. They are not joined: a signal ends the tool while a server keeps one waiting.
fn start(
    indexes: &[usize],
    checks: &Arc<Vec<Check>>,
    conditions: &Arc<Conditions>,
) -> Result<Receiver<(usize, Trial)>, Failure> {
    let queue = Arc::new(Mutex::new(VecDeque::from(indexes.to_vec())));
    let (sender, receiver) = mpsc::channel();
    for number in 0..indexes.len().min(conditions.concurrency) {
        let (queue, sender) = (Arc::clone(&queue), sender.clone());
        let (checks, conditions) = (Arc::clone(checks), Arc::clone(conditions));
        let next = move || queue.lock().ok().and_then(|mut queue| queue.pop_front());
        let work = move || {
            while let Some(index) = next()
                && let Some(check) = checks.get(index)
            {
                // Nobody listens any more once a signal has ended the wait.
                sender.send((index, Trial::run(check, &conditions))).ok();
            }
        };
        let started = thread::Builder::new().spawn(work).attempt("start a thread");
        // One is enough to make them all, only slower.
        if number == 0 || started.is_ok() {
            drop(started?);
        }
    }
    Ok(receiver)
}
