//! What a backup has been shown to be worth, in `grade.json` beside its data.
//!
//! A set is *written*; *verified* once it was read back whole; *restored* once a database was made of it. The file is
//! no part of what `SHA256SUMS` guards, because it changes afterwards: a grade counts only for the data whose hash it
//! names, and a set without the file is written and nothing more. The file also holds the word that a set is *suspect*:
//! far smaller than the one before it, so that a person has to look.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use kit::clock::{self, Time};
use kit::{Attempt, Failure, files};
use serde_json::{Map, Value, json};

use crate::manifest::Manifest;

/// The file of that name.
pub const FILE: &str = "grade.json";

/// The version of its form. Fields are added without a new version.
const VERSION: u32 = 1;

/// What was shown. A later one is worth more.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Grade {
    /// It was written, and read back once.
    #[default]
    Written,
    /// All that a restore checks before it touches anything was checked.
    Verified {
        /// How long that took.
        seconds: f64,
    },
    /// It was restored, and what came of it is what the manifest says.
    Restored {
        /// How long that took.
        seconds: f64,
    },
}

impl Grade {
    /// `written`, `verified` or `restored`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Verified { .. } => "verified",
            Self::Restored { .. } => "restored",
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Written => 0,
            Self::Verified { .. } => 1,
            Self::Restored { .. } => 2,
        }
    }

    fn seconds(self) -> Option<f64> {
        match self {
            Self::Written => None,
            Self::Verified { seconds } | Self::Restored { seconds } => Some((seconds * 1000.0).round() / 1000.0),
        }
    }
}

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    /// The grade that was given to these very data.
    pub grade: Grade,
    /// When it was given; `None` when none was.
    pub at: Option<Time>,
    /// Why a person has to look before the set counts for anything.
    pub suspect: Option<String>,
}

/// What is known of a set. A file that cannot be understood gives no grade, and might have said that the set is suspect:
/// it is, then.
#[must_use]
pub fn look(set: &Path, manifest: &Manifest) -> Mark {
    match read(set) {
        Ok(Some(told)) => understood(&told, manifest),
        Ok(None) => Mark::default(),
        Err(error) => unreadable(&error),
    }
}

/// Gives a grade to a set's data; a better one that they have stays.
pub fn give(set: &Path, manifest: &Manifest, grade: Grade) -> Result<(), Failure> {
    let old = look(set, manifest);
    if old.grade.rank() > grade.rank() {
        return Ok(());
    }
    write(set, manifest, &Mark { grade, at: Some(clock::now()), suspect: old.suspect })
}

/// Takes the grade away from a set that turned out to be damaged. That it is suspect stays said.
pub fn revoke(set: &Path) -> Result<(), Failure> {
    match read(set) {
        Ok(Some(told)) if told.get("suspect").is_none() => remove(set),
        Ok(Some(mut told)) => {
            told.insert("grade".to_owned(), json!(Grade::Written.word()));
            told.remove("seconds");
            store(set, &told)
        }
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Marks a set as suspect, durably.
pub fn doubt(set: &Path, manifest: &Manifest, why: &str) -> Result<(), Failure> {
    write(set, manifest, &Mark { suspect: Some(why.to_owned()), at: Some(clock::now()), ..look(set, manifest) })
}

/// Takes the mark back, durably. The grade stays.
pub fn accept(set: &Path, manifest: &Manifest) -> Result<(), Failure> {
    match look(set, manifest) {
        Mark { grade: Grade::Written, .. } => remove(set),
        mark => write(set, manifest, &Mark { suspect: None, ..mark }),
    }
}

/// Whether a file of a set is the one of this module, or what a run left that was killed while it wrote it.
pub(crate) fn is_sidecar(name: &str) -> bool {
    let pid = name.strip_prefix(".grade.json.");
    name == FILE || pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
}

fn read(set: &Path) -> io::Result<Option<Map<String, Value>>> {
    let mut file = match files::open(&set.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(files::irregular());
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(Some(serde_json::from_slice(&text)?))
}

fn understood(told: &Map<String, Value>, manifest: &Manifest) -> Mark {
    let text = |key: &str| told.get(key).and_then(Value::as_str);
    let is_of_these_data = text("sha256") == Some(&manifest.stored.sha256);
    let is_known = told.get("v").and_then(Value::as_u64) == Some(VERSION.into());
    let seconds = told.get("seconds").and_then(Value::as_f64).unwrap_or_default();
    let grade = match text("grade").filter(|_| is_known && is_of_these_data) {
        Some("restored") => Grade::Restored { seconds },
        Some("verified") => Grade::Verified { seconds },
        _ => Grade::Written,
    };
    let at = text("at").and_then(|at| at.parse().ok()).filter(|_| grade != Grade::Written);
    let suspect = told.get("suspect").map(|why| why.as_str().unwrap_or("it does not say why").to_owned());
    Mark { grade, at, suspect }
}

fn unreadable(error: &io::Error) -> Mark {
    let why = format!("{FILE} cannot be read, so nobody knows what it said: {error}");
    Mark { suspect: Some(why), ..Mark::default() }
}

fn write(set: &Path, manifest: &Manifest, mark: &Mark) -> Result<(), Failure> {
    let mut told = Map::new();
    told.insert("v".to_owned(), json!(VERSION));
    told.insert("grade".to_owned(), json!(mark.grade.word()));
    told.insert("at".to_owned(), json!(clock::rfc3339(mark.at.unwrap_or_else(clock::now))));
    told.insert("sha256".to_owned(), json!(manifest.stored.sha256));
    if let Some(seconds) = mark.grade.seconds() {
        told.insert("seconds".to_owned(), json!(seconds));
    }
    if let Some(why) = &mark.suspect {
        told.insert("suspect".to_owned(), json!(why));
    }
    store(set, &told)
}

fn store(set: &Path, told: &Map<String, Value>) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(told).unwrap_or_default();
    text.push('\n');
    files::write(&set.join(FILE), text.as_bytes())
}

fn remove(set: &Path) -> Result<(), Failure> {
    let path = set.join(FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| files::sync_dir(set)).attempt(format_args!("remove {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::{FILE, Grade, Mark, accept, doubt, give, look, revoke};
    use crate::Manifest;
    use kit::files;
    use std::fs;

    fn manifest(sha256: &str) -> Manifest {
        let text = format!(
            r#"{{"v":1,"engine":"sqlite","engine_version":"","tool_version":"","database":"/srv/db",
                "created_at":"2026-11-21T10:15:00Z","compression":"gzip","file":"database.sqlite.gz",
                "raw":{{"size":1,"sha256":"a"}},"stored":{{"size":2,"sha256":"{sha256}"}},"tables":{{}}}}"#
        );
        Manifest::from_json(text.as_bytes()).unwrap()
    }

    const VERIFIED: Grade = Grade::Verified { seconds: 1.25 };
    const RESTORED: Grade = Grade::Restored { seconds: 7.5 };

    #[test]
    fn a_grade_is_read_as_it_was_given_and_never_lowered() {
        let (dir, manifest) = (tempfile::tempdir().unwrap(), manifest("b"));
        assert_eq!(look(dir.path(), &manifest), Mark::default());
        give(dir.path(), &manifest, VERIFIED).unwrap();
        let mark = look(dir.path(), &manifest);
        assert!(mark.grade == VERIFIED && mark.at.is_some() && mark.suspect.is_none());
        give(dir.path(), &manifest, RESTORED).unwrap();
        give(dir.path(), &manifest, VERIFIED).unwrap();
        assert_eq!(look(dir.path(), &manifest).grade, RESTORED);
        revoke(dir.path()).unwrap();
        assert_eq!(files::list(dir.path()).unwrap().len(), 0);
        revoke(dir.path()).unwrap();
    }

    #[test]
    fn a_grade_counts_only_for_the_data_that_it_was_given_to() {
        let dir = tempfile::tempdir().unwrap();
        give(dir.path(), &manifest("b"), RESTORED).unwrap();
        assert_eq!(look(dir.path(), &manifest("c")), Mark::default());
        give(dir.path(), &manifest("c"), VERIFIED).unwrap();
        assert_eq!(look(dir.path(), &manifest("c")).grade, VERIFIED);
    }

    #[test]
    fn that_a_set_is_suspect_stays_said_until_it_is_accepted() {
        let (dir, manifest) = (tempfile::tempdir().unwrap(), manifest("b"));
        let suspect = || look(dir.path(), &manifest).suspect;
        doubt(dir.path(), &manifest, "it shrank").unwrap();
        give(dir.path(), &manifest, VERIFIED).unwrap();
        assert_eq!(suspect().as_deref(), Some("it shrank"));
        revoke(dir.path()).unwrap();
        assert_eq!((suspect().as_deref(), look(dir.path(), &manifest).grade), (Some("it shrank"), Grade::Written));
        give(dir.path(), &manifest, VERIFIED).unwrap();
        accept(dir.path(), &manifest).unwrap();
        assert_eq!((suspect(), look(dir.path(), &manifest).grade), (None, VERIFIED));
        doubt(dir.path(), &manifest, "it shrank").unwrap();
        revoke(dir.path()).unwrap();
        accept(dir.path(), &manifest).unwrap();
        assert!(!dir.path().join(FILE).exists());
    }

    #[test]
    fn what_cannot_be_understood_gives_no_grade_and_may_have_said_suspect() {
        let (dir, manifest) = (tempfile::tempdir().unwrap(), manifest("b"));
        for text in ["", "{", "[]", "\"verified\""] {
            fs::write(dir.path().join(FILE), text).unwrap();
            let mark = look(dir.path(), &manifest);
            assert!(mark.grade == Grade::Written && mark.suspect.unwrap().contains("cannot be read"), "{text:?}");
        }
        accept(dir.path(), &manifest).unwrap();
        assert_eq!(look(dir.path(), &manifest), Mark::default());
        // Of a version to come, or not of ours: no grade, and nothing against the set.
        for text in [r#"{"v":2,"grade":"restored","sha256":"b"}"#, r#"{"v":1,"grade":"perfect","sha256":"b"}"#, "{}"] {
            fs::write(dir.path().join(FILE), text).unwrap();
            assert_eq!(look(dir.path(), &manifest), Mark::default(), "{text}");
        }
        fs::write(dir.path().join(FILE), r#"{"v":2,"suspect":true}"#).unwrap();
        assert!(look(dir.path(), &manifest).suspect.is_some());
        fs::remove_file(dir.path().join(FILE)).unwrap();
        fs::create_dir(dir.path().join(FILE)).unwrap();
        assert!(look(dir.path(), &manifest).suspect.is_some());
    }
}
