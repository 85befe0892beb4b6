//! Submissions that wait: one file each in `state/queue/`, named by its number. The highest number is the newest.

use std::fs;
use std::io;
use std::path::PathBuf;

use kit::clock::Time;
use kit::failure::Attempt;
use kit::history::History;
use kit::lock::Lock;
use kit::root::Root;
use kit::{Failure, clock, files};
use serde::{Deserialize, Serialize};

/// One submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The version of this form.
    pub(crate) v: u32,
    /// Unique in the environment's history; the order of submission.
    pub(crate) number: u64,
    /// The full commit, as it was submitted.
    pub(crate) commit: String,
    /// The ref whose present tip is meant, if it was a push.
    #[serde(rename = "ref")]
    pub(crate) reference: Option<String>,
    /// Who asked.
    pub(crate) by: String,
    /// Through which door.
    pub(crate) door: String,
    /// Whether the commit is deployed although it is live, or the guard says no.
    pub(crate) force: bool,
    /// When.
    pub(crate) submitted_at: Time,
}

/// The queue of one environment.
pub(crate) struct Queue<'a> {
    root: &'a Root,
}

impl<'a> Queue<'a> {
    pub(crate) fn of(root: &'a Root) -> Self {
        Self { root }
    }

    /// Adds a submission, durably, under a number of its own. The queue's lock is held; `before` was read before
    /// `history`: a submission leaves the directory only after the journal names it, so one of the two shows it.
    pub(crate) fn add(&self, mut entry: Entry, before: &[Entry], history: &History) -> Result<Entry, Failure> {
        files::make_private_dir(&self.dir())?;
        let waiting = before.last().map_or(0, |last| last.number);
        entry.number = 1 + waiting.max(highest(history));
        let text = serde_json::to_vec(&entry).unwrap_or_default();
        files::write(&self.path(entry.number), &text)?;
        Ok(entry)
    }

    /// While this lock is held nobody submits, takes back, holds, or begins a deployment: each comes before the other or
    /// after it.
    pub(crate) fn lock(&self, holder: &str) -> Result<Lock, Failure> {
        Lock::wait(self.root, "submit", holder)
    }

    /// What waits, oldest first. A file that is no submission is nobody's: it is left where it is.
    pub(crate) fn waiting(&self) -> Result<Vec<Entry>, Failure> {
        let doing = format!("list the queue {}", self.dir().display());
        let listed = match files::list(&self.dir()) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(doing, &error)),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for path in listed {
            let entry = fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Entry>(&text).ok());
            entries.extend(entry.filter(|entry| path == self.path(entry.number)));
        }
        entries.sort_by_key(|entry| entry.number);
        Ok(entries)
    }

    /// Takes a submission out, once the journal tells what became of it.
    pub(crate) fn remove(&self, entry: &Entry) -> Result<(), Failure> {
        let path = self.path(entry.number);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::io(format_args!("remove {}", path.display()), &error))
            }
            _ => files::sync_dir(&self.dir()).attempt(format_args!("flush {}", self.dir().display())),
        }
    }

    fn dir(&self) -> PathBuf {
        self.root.state().join("queue")
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir().join(format!("{number}.json"))
    }
}

impl Entry {
    /// A submission that has no number yet.
    pub(crate) fn new(commit: String, submission: &crate::args::Submission, by: String) -> Self {
        Self {
            v: 1,
            number: 0,
            commit,
            reference: submission.reference.clone(),
            by,
            door: submission.door.clone(),
            force: submission.force,
            submitted_at: clock::now(),
        }
    }
}

/// The number of the submission that a record deals with.
pub(crate) fn number_in(record: &kit::journal::Record) -> Option<u64> {
    record.details.get("entry")?.as_u64().filter(|_| record.tool == "deploy-queue")
}

fn highest(history: &History) -> u64 {
    history.records.iter().filter_map(number_in).max().unwrap_or_default()
}
