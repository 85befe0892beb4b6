//! Following a submission: its deployment's log as it grows, and the verdict as the last line.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use kit::history::{History, journal_path};
use kit::journal::Record;
use kit::root::{DeployId, Root};
use kit::{Context, Exit, Failure, Outcome, signal, voice};

use crate::entry::Entry;
use crate::fate::{settled_by, why_not};
use crate::submit::start_runner;

/// Often enough for a person who watches.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Waits until it is settled what becomes of the submission; the exit code is the deployment's. `before` is how many
/// records the journal had when it was submitted.
pub(crate) fn follow(entry: &Entry, before: usize, root: &Root, cx: &Context) -> Result<Outcome, Failure> {
    let mut nudge = Nudge::new();
    let mut journal = Growing::default();
    loop {
        let history = journal.read(cx)?;
        if let Some(record) = settled_by(entry.number, history) {
            let id = record.deploy.as_deref().and_then(|id| id.parse().ok());
            return match (record.command.as_deref(), id) {
                (Some("begin"), Some(id)) => watch(&id, root, cx),
                _ => Err(not_deployed(entry, record)),
            };
        }
        if let Some(hold) = history.hold() {
            let failure = Failure::new(Exit::BUSY, format!("submission {} waits: {hold}", entry.number));
            return Err(failure.hint(format!(
                "deploy-queue unhold lets it begin; deploy-queue cancel {} takes it back",
                entry.number
            )));
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
    let exit = if record.error.is_some() { Exit::ABSENT } else { Exit::BUSY };
    Failure::new(exit, format!("submission {} is not deployed: {}", entry.number, why_not(record)))
}

/// Shows the log of a deployment until its end.
fn watch(id: &DeployId, root: &Root, cx: &Context) -> Result<Outcome, Failure> {
    let path = root.logs().join(format!("{id}.log"));
    let mut shown = 0;
    let mut nudge = Nudge::new();
    let mut journal = Growing::default();
    loop {
        // The end is looked up before the log is read: what was written before the end is then shown before it.
        let history = journal.read(cx)?;
        let ended = history.deployment(id).and_then(|deployment| Some((deployment, deployment.exit_code?)));
        shown += show(&path, shown);
        if let Some((deployment, code)) = ended {
            return Ok(Outcome::with(Exit::of_child(code), format!("{id}: exit {code}: {}", deployment.outcome(code))));
        }
        nudge.turn(root, cx)?;
        signal::sleep(LOOK_EVERY)?;
    }
}

/// A journal that is read again only when it has grown: who follows looks five times a second, perhaps for an hour.
#[derive(Default)]
struct Growing {
    length: Option<u64>,
    history: History,
}

impl Growing {
    fn read(&mut self, cx: &Context) -> Result<&History, Failure> {
        // Its length first: what is appended while it is read makes it read again.
        let length = journal_path(&cx.settings).and_then(|path| Some(path.metadata().ok()?.len()));
        if length.is_none() || length != self.length {
            self.history = cx.history()?;
            self.length = length;
        }
        Ok(&self.history)
    }
}

/// Sees to it that a runner is at work: one that was killed leaves its pipeline alone, and nobody to end it.
pub(crate) struct Nudge(u32);

impl Nudge {
    /// After so many looks another runner is started; it goes home at once when there is one.
    const EVERY: u32 = 25;

    pub(crate) const fn new() -> Self {
        Self(0)
    }

    pub(crate) fn turn(&mut self, root: &Root, cx: &Context) -> Result<(), Failure> {
        self.0 += 1;
        if !self.0.is_multiple_of(Self::EVERY) {
            return Ok(());
        }
        // An environment that is gone has no runner, and must not be made anew by looking for one.
        cx.root()?;
        start_runner(root, cx, &["--quiet"])
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
