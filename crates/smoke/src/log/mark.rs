//! Where a log ended when a deployment or a rollback began. `--prepare` notes it in the journal; the smoke test that
//! follows looks at what came after.

use std::fs::{self, File, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use db::digest::Digest;
use kit::Failure;
use kit::failure::Attempt;
use kit::history::History;
use kit::journal::Record;
use serde_json::{Value, json};

use crate::content::{Content, is_absent, read_at_most};

/// The command of the record that holds marks.
pub(crate) const PREPARE: &str = "prepare";

/// The key of its details.
pub(crate) const LOGS: &str = "logs";

/// How much of what stands before a mark tells whether it still stands there.
const TAIL: u64 = 1 << 10;

/// Where one log ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The log, as the check names it: a relative path leads to another file once the release is live.
    pub(crate) log: String,
    /// Nothing when there was no file yet.
    pub(crate) end: Option<End>,
}

/// A place in a file that may be renamed or cut short by whoever rotates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// When the file was made, in nanoseconds: the number of a removed file's inode is given to the next one. Some file
    /// systems do not tell.
    pub(crate) born: Option<u64>,
    pub(crate) size: u64,
    /// The SHA-256 of the last KiB before it: `copytruncate` of logrotate(8) leaves the same file, which may have grown
    /// beyond the place since. Nothing in older records, and of a log that may not be read.
    pub(crate) tail: Option<String>,
}

impl End {
    /// Where the file at `path` ends now; nothing when there is none.
    fn find(path: &Path) -> io::Result<Option<Self>> {
        let end = match fs::metadata(path) {
            Ok(metadata) => Self::of(&metadata),
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let tail = match Content::open(path) {
            Ok(Content::File(file, now)) if end.is_in(&now) => tail(&file, end.size).ok(),
            // That it may not be read, the check will say.
            _ => None,
        };
        Ok(Some(Self { tail, ..end }))
    }

    /// The end of a file that looks like this.
    fn of(metadata: &Metadata) -> Self {
        let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            born: born.and_then(|born| u64::try_from(born.as_nanos()).ok()),
            size: metadata.len(),
            tail: None,
        }
    }

    /// Whether it is a place in this file.
    pub(crate) fn is_in(&self, metadata: &Metadata) -> bool {
        let now = Self::of(metadata);
        (now.device, now.inode, now.born) == (self.device, self.inode, self.born)
    }

    /// Whether what stood before it in this file, in which it is, still stands there.
    pub(crate) fn still_follows(&self, file: &File, metadata: &Metadata) -> io::Result<bool> {
        let same = || self.tail.as_ref().map_or(Ok(true), |before| Ok(tail(file, self.size)? == *before));
        if metadata.len() < self.size { Ok(false) } else { same() }
    }
}

/// The hash of what stands just before a place in a file.
fn tail(mut file: &File, to: u64) -> io::Result<String> {
    let length = to.min(TAIL);
    file.seek(SeekFrom::Start(to - length))?;
    Ok(Digest::of_bytes(&read_at_most(file, length)?).sha256)
}

impl Mark {
    /// Notes where the file at `path` ends now.
    pub(crate) fn note(log: &str, path: Option<&Path>) -> Result<Self, Failure> {
        let end = path.map_or(Ok(None), End::find).attempt(format_args!("look at the log {log}"))?;
        Ok(Self { log: log.to_owned(), end })
    }

    /// For the record.
    pub(crate) fn to_json(&self) -> Value {
        match &self.end {
            Some(End { device, inode, born, size, tail }) => json!({
                "path": self.log, "device": device, "inode": inode, "born": born, "size": size, "tail": tail,
            }),
            None => json!({"path": self.log}),
        }
    }

    fn from_json(value: &Value) -> Option<Self> {
        let number = |key: &str| value.get(key)?.as_u64();
        let end = || {
            let (device, inode, born) = (number("device")?, number("inode")?, number("born"));
            let tail = value.get("tail").and_then(Value::as_str).map(str::to_owned);
            Some(End { device, inode, born, size: number("size")?, tail })
        };
        Some(Self { log: value.get("path")?.as_str()?.to_owned(), end: end() })
    }
}

/// The marks of the newest record about this release; without a release, of the newest at all. A rollback looks only
/// for those of a rollback: what the release that it leaves has logged does not speak against the one it goes back to.
pub(crate) fn find(history: &History, release: Option<&str>, going_back: bool) -> Option<Vec<Mark>> {
    let fits = |record: &&Record| {
        record.is("smoke-test", PREPARE)
            && record.success == Some(true)
            && (release.is_none() || record.release.as_deref() == release)
            && (!going_back || record.parent.as_deref() == Some("rollback"))
    };
    let record = history.records.iter().rfind(fits)?;
    Some(record.details.get(LOGS)?.as_array()?.iter().filter_map(Mark::from_json).collect())
}

#[cfg(test)]
mod tests {
    use super::{End, Mark, find};
    use kit::history::History;
    use kit::journal::read_from;

    #[test]
    fn a_mark_survives_the_journal() {
        let end = End { device: u64::MAX, inode: 7, born: Some(1), size: 0, tail: Some("e3b0".to_owned()) };
        for end in [None, Some(End { tail: None, ..end.clone() }), Some(end)] {
            let mark = Mark { log: "log/größe.log".to_owned(), end };
            assert_eq!(Mark::from_json(&mark.to_json()), Some(mark));
        }
        assert_eq!(Mark::from_json(&serde_json::json!({"size": 1})), None);
    }

    /// The log that is named in the record that is found.
    fn found(records: &[&str], release: Option<&str>, going_back: bool) -> Option<String> {
        let head = r#""v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":0,"tool":"smoke-test""#;
        let lines: Vec<String> = records.iter().map(|record| format!("{{{head},{record}}}\n")).collect();
        let history = History::from_lines(read_from(lines.concat().as_bytes()).unwrap());
        find(&history, release, going_back).map(|marks| marks[0].log.clone())
    }

    #[test]
    fn the_newest_marks_of_the_release_count() {
        let prepared = |release: &str, log: &str, more: &str| {
            format!(
                r#""command":"prepare","success":true,"release":"{release}"{more},"details":{{"logs":[{{"path":"{log}"}}]}}"#
            )
        };
        let (old, new) = (prepared("1-aaaaaaa", "a", ""), prepared("1-aaaaaaa", "b", ""));
        let (other, back) = (prepared("2-bbbbbbb", "c", ""), prepared("1-aaaaaaa", "d", r#","parent":"rollback""#));
        let failed = old.replace("true", "false");
        let story = [old.as_str(), &new, &other, &failed, r#""command":"check","success":true"#];
        assert_eq!(found(&story, Some("1-aaaaaaa"), false), Some("b".to_owned()));
        assert_eq!(found(&story, None, false), Some("c".to_owned()));
        assert_eq!(found(&story, Some("3-ccccccc"), false), None);
        assert_eq!(found(&story, Some("1-aaaaaaa"), true), None, "none of them is a rollback's");
        assert_eq!(found(&[&new, &back, &other], Some("1-aaaaaaa"), true), Some("d".to_owned()));
    }
}
