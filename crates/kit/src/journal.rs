//! The journal: one JSON object a line, appended, never rewritten. It is the only history.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::clock::{self, Time};
use crate::exit::Exit;
use crate::failure::{Attempt, Failure};
use crate::{files, voice};

/// The version of the record's form. Fields are added without a new version; readers skip versions they do not know.
pub const VERSION: u32 = 1;

/// The mark of a record that announces a change before it is made.
pub const BEGIN: &str = "begin";

/// How long others may keep the journal to themselves. An append takes milliseconds; who takes longer hangs, or failed to
/// give the lock back before it ran one of our tools, which waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often a journal that is locked is tried.
const TRY_EVERY: Duration = Duration::from_millis(5);

/// What one run of one tool did: a line of the journal, and the object that `--json` prints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Always [`VERSION`].
    pub v: u32,
    /// The tool's name.
    pub tool: String,
    /// What it was asked to do: `stage`, `activate`, `begin` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// [`BEGIN`] in a record that is written before the tool acts; such a record has no result yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Whether the exit code is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// The exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<u8>,
    /// The environment, `DEPLOY_ENV`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The deployment, `PUSHBACK_DEPLOY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<String>,
    /// The step of the pipeline, `PUSHBACK_STEP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The release it dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The full commit it dealt with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tool that ran this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// When it began, UTC.
    #[serde(serialize_with = "rfc3339")]
    pub started_at: Time,
    /// How long it took, in milliseconds of a clock that is never set.
    pub duration_ms: u64,
    /// What else there is to say; the fields of each tool stand in `docs/journal.md`.
    #[serde(default)]
    pub details: Map<String, Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorPart>,
}

/// The failure in a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorPart {
    /// [`Exit::kind`] of the code.
    pub kind: String,
    /// The sentence.
    pub message: String,
    /// The next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Record {
    /// A record of `tool` that begins now and says nothing yet.
    #[must_use]
    pub fn new(tool: &str) -> Self {
        Self {
            v: VERSION,
            tool: tool.to_owned(),
            command: None,
            phase: None,
            success: None,
            exit_code: None,
            env: None,
            deploy: None,
            step: None,
            release: None,
            commit: None,
            parent: None,
            started_at: clock::now(),
            duration_ms: 0,
            details: Map::new(),
            error: None,
        }
    }

    /// Gives the record its result.
    pub fn conclude(&mut self, exit: Exit) {
        self.exit_code = Some(exit.code());
        self.success = Some(exit == Exit::DONE);
    }

    /// Whether this is `tool`'s record of `command`.
    #[must_use]
    pub fn is(&self, tool: &str, command: &str) -> bool {
        self.tool == tool && self.command.as_deref() == Some(command)
    }

    /// Whether it announces a change that was about to be made.
    #[must_use]
    pub fn begins(&self) -> bool {
        self.phase.as_deref() == Some(BEGIN)
    }

    /// A text among the details.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.details.get(key)?.as_str()
    }

    /// The record as one line without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Maps with text keys and plain values always have a JSON form.
        voice::clean_json(&serde_json::to_string(self).unwrap_or_default())
    }
}

impl From<&Failure> for ErrorPart {
    fn from(failure: &Failure) -> Self {
        Self { kind: failure.exit.kind().to_owned(), message: failure.message.clone(), hint: failure.hint.clone() }
    }
}

fn rfc3339<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::rfc3339(*time))
}

/// An open journal, to append to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Opens the journal for appending and makes it (0600) if it is missing: proves, before a tool acts, that it will
    /// be able to tell.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let doing = format!("open the journal {}", path.display());
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).attempt(&doing)?;
        if !file.metadata().attempt(&doing)?.is_file() {
            return Err(Failure::io(doing, &files::irregular()));
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends one record: under the journal's own lock, in one write, flushed to disk. A line that a crash tore is
    /// ended first, so that it spoils no line but itself.
    pub fn append(&self, record: &Record) -> Result<(), Failure> {
        self.append_line(&record.to_line()).attempt(format_args!("append to the journal {}", self.path.display()))
    }

    fn append_line(&self, line: &str) -> io::Result<()> {
        self.lock()?;
        let written = self.write_line(line);
        self.file.unlock()?;
        written
    }

    fn lock(&self) -> io::Result<()> {
        let began = Instant::now();
        loop {
            match self.file.try_lock() {
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => thread::sleep(TRY_EVERY),
                Err(TryLockError::WouldBlock) => {
                    let message = format!("somebody else has kept it locked for {} s", PATIENCE.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, message));
                }
                Err(TryLockError::Error(error)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let mut last = *b"\n";
        if length > 0 {
            self.file.read_exact_at(&mut last, length - 1)?;
        }
        let torn = if last == *b"\n" { "" } else { "\n" };
        (&self.file).write_all(format!("{torn}{line}\n").as_bytes())?;
        self.file.sync_all()
    }
}

/// What a journal holds: the records that could be read, in their order, and the number of lines that could not.
#[derive(Debug, Default)]
pub struct Lines {
    /// The records.
    pub records: Vec<Record>,
    /// Lines that are torn, foreign or of a later version.
    pub unreadable: usize,
}

/// Reads a journal; one that is not there yet is empty.
pub fn read(path: &Path) -> Result<Lines, Failure> {
    let opened =
        files::open(path).and_then(|file| if file.metadata()?.is_file() { Ok(file) } else { Err(files::irregular()) });
    match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Lines::default()),
        opened => opened
            .and_then(|file| read_from(BufReader::new(file)))
            .attempt(format_args!("read the journal {}", path.display())),
    }
}

/// Reads a journal from a stream.
pub fn read_from(mut source: impl BufRead) -> io::Result<Lines> {
    let mut lines = Lines::default();
    let mut line = Vec::new();
    while source.read_until(b'\n', &mut line)? > 0 {
        match serde_json::from_slice::<Record>(&line) {
            Ok(record) if record.v == VERSION => lines.records.push(record),
            _ if line.trim_ascii().is_empty() => {}
            _ => lines.unreadable += 1,
        }
        line.clear();
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::{Journal, Record, read};
    use std::fs;

    #[test]
    fn a_torn_last_line_spoils_only_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.ndjson");
        let journal = Journal::open(&path).unwrap();
        journal.append(&Record::new("one")).unwrap();
        let mut torn = fs::read(&path).unwrap();
        torn.extend_from_slice(b"{\"v\":1,\"tool\":\"to");
        fs::write(&path, torn).unwrap();
        journal.append(&Record::new("two")).unwrap();
        let lines = read(&path).unwrap();
        let tools: Vec<_> = lines.records.iter().map(|record| record.tool.as_str()).collect();
        assert_eq!((tools, lines.unreadable), (vec!["one", "two"], 1));
    }

    #[test]
    fn a_journal_that_somebody_keeps_locked_is_waited_for_but_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.ndjson");
        let journal = Journal::open(&path).unwrap();
        let holder = fs::File::open(&path).unwrap();
        holder.lock().unwrap();
        let failure = journal.append(&Record::new("one")).unwrap_err();
        assert_eq!(failure.exit.code(), 74);
        assert!(failure.message.ends_with("somebody else has kept it locked for 10 s"), "{}", failure.message);
        holder.unlock().unwrap();
        journal.append(&Record::new("two")).unwrap();
        assert_eq!(read(&path).unwrap().records.len(), 1);
    }

    #[test]
    fn foreign_lines_are_counted_and_a_missing_journal_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.ndjson");
        assert!(read(&path).unwrap().records.is_empty());
        fs::write(&path, b"hello\n\xff\xfe\n\n{\"v\":99}\n").unwrap();
        assert_eq!(read(&path).unwrap().unreadable, 3);
    }

    #[test]
    fn a_record_has_the_documented_form() {
        let mut record = Record::new("backup-db");
        record.conclude(crate::exit::Exit::DONE);
        let value: serde_json::Value = serde_json::from_str(&record.to_line()).unwrap();
        let keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["v", "tool", "success", "exit_code", "started_at", "duration_ms", "details"]);
        let started = value["started_at"].as_str().unwrap();
        assert_eq!((started.len(), started.ends_with('Z')), ("2026-11-21T10:15:00.123Z".len(), true));
    }
}
