//! Following a submission: its deployment's log as it grows, and the verdict as the last line.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use kit::journal::Record;
use kit::root::{DeployId, Root};
use kit::{Context, Exit, Failure, Outcome, signal, voice};

use crate::entry::{Entry, number_in};
use crate::submit::start_runner;

/// Often enough for a person who watches.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until it is settled what becomes of the submission; the exit code is the deployment's. `before` is how many
/// records the journal had when it was submitted.
pub(crate) fn follow(entry: &Entry, before: usize, root: &Root, cx: &Context) -> Result<Outcome, Failure> {
    let settles =
        |record: &Record| number_in(record) == Some(entry.number) && record.command.as_deref() != Some("submit");
    let mut nudge = Nudge(0);
    loop {
        let history = cx.history()?;
        let settled = history.records.iter().find(|record| settles(record));
        if let Some(record) = settled {
            let id = record.deploy.as_deref().and_then(|id| id.parse().ok());
            return match (record.command.as_deref(), id) {
                (Some("begin"), Some(id)) => watch(&id, root, cx),
                _ => Err(not_deployed(entry, record)),
            };
        }
        let stopped = history.records.iter().skip(before).find(|record| record.is("deploy-queue", "run"));
        if let Some(error) = stopped.and_then(|record| record.error.as_ref()) {
            let message = format!("submission {} waits, for the runner stopped: {}", entry.number, error.message);
            return Err(Failure::new(Exit::IO, message).hint("mend it, then deploy-queue run"));
        }
        nudge.turn(root, cx)?;
        signal::sleep(LOOK_EVERY)?;
    }
}

fn not_deployed(entry: &Entry, record: &Record) -> Failure {
    let number = entry.number;
    if let Some(error) = &record.error {
        return Failure::new(Exit::ABSENT, format!("submission {number} is not deployed: {}", error.message));
    }
    let by = record.details.get("by_entry").and_then(serde_json::Value::as_u64).unwrap_or_default();
    Failure::new(Exit::BUSY, format!("submission {number} is not deployed: submission {by} is newer"))
}

/// Shows the log of a deployment until its end.
fn watch(id: &DeployId, root: &Root, cx: &Context) -> Result<Outcome, Failure> {
    let path = root.logs().join(format!("{id}.log"));
    let mut shown = 0;
    let mut nudge = Nudge(0);
    loop {
        // The end is looked up before the log is read: what was written before the end is then shown before it.
        let history = cx.history()?;
        let ended = history.deployment(id).and_then(|deployment| Some((deployment, deployment.exit_code?)));
        shown += show(&path, shown);
        if let Some((deployment, code)) = ended {
            return Ok(Outcome::with(Exit::of_child(code), format!("{id}: exit {code}: {}", deployment.outcome(code))));
        }
        nudge.turn(root, cx)?;
        signal::sleep(LOOK_EVERY)?;
    }
}

/// Sees to it that a runner is at work: one that was killed leaves its pipeline alone, and nobody to end it.
struct Nudge(u32);

impl Nudge {
    /// After so many looks another runner is started; it goes home at once when there is one.
    const EVERY: u32 = 25;

    fn turn(&mut self, root: &Root, cx: &Context) -> Result<(), Failure> {
        self.0 += 1;
        if self.0.is_multiple_of(Self::EVERY) { start_runner(root, cx, &["--quiet"]) } else { Ok(()) }
    }
}

/// Shows the whole lines after `from`, and returns their length. A log that is not there yet is empty.
fn show(path: &Path, from: u64) -> u64 {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::Start(from))?;
        file.read_to_end(&mut text)
    });
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    match (read, text.get(..whole)) {
        (Ok(_), Some(lines)) if !lines.is_empty() => {
            voice::line(String::from_utf8_lossy(lines).trim_end_matches('\n'));
            whole as u64
        }
        _ => 0,
    }
}
