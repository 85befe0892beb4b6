//! Whether backups would restore, each told on a line.

use std::path::PathBuf;
use std::time::Instant;

use db::{Deadline, Entry, Grade, Set, Store, Url, grade, set};
use kit::{Context, Exit, Failure, Outcome, signal, voice};
use serde_json::{Value, json};

use crate::args::Args;
use crate::proof::prove;
use crate::quantity::count;

/// A backup that was asked for, and where it is.
struct Asked {
    name: String,
    path: Result<PathBuf, Failure>,
}

/// What was found out about it.
struct Finding {
    name: String,
    verdict: Verdict,
    message: String,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Verified,
    /// It was only looked at, as was asked for.
    Unread,
    Damaged,
    Absent,
    /// It could not be found out.
    Unknown,
}

pub(crate) fn verify(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    let url = Url::require(&cx.settings)?;
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let deadline = Deadline::after(args.timeout);
    let asked = match args.backups.as_slice() {
        [] => Asked::all(&store, &url)?,
        names => names.iter().map(|name| Asked::named(name, &store, &url)).collect(),
    };
    let examine = |asked: Asked| if args.quick { asked.glance() } else { asked.examine(&store, &deadline, cx) };
    let findings: Vec<Finding> = asked.into_iter().map(examine).collect();
    cx.detail("backups", findings.iter().map(Finding::to_json).collect::<Vec<_>>());
    let lines: Vec<String> = findings.iter().map(Finding::spell).collect();
    match conclude(&findings) {
        None => Ok(Outcome::done(lines.join("\n"))),
        Some(failure) => Ok(Outcome::failed(failure, lines.join("\n"))),
    }
}

impl Asked {
    /// All backups of the database, newest first: 66 when there is none. One whose manifest cannot be read might be of
    /// it, and must not pass because it does not say so.
    fn all(store: &Store, url: &Url) -> Result<Vec<Self>, Failure> {
        let might_be_of_it = |entry: &Entry| entry.manifest.is_none() || entry.is_of(&url.identity());
        let entries = store.entries()?.into_iter().filter(might_be_of_it);
        let asked: Vec<Self> = entries.map(|entry| Self { name: entry.name, path: Ok(entry.path) }).collect();
        if asked.is_empty() {
            let message = format!("there is no backup of {} in {}", url.identity(), store.dir().display());
            return Err(Failure::new(Exit::ABSENT, message).hint("make one: backup-db"));
        }
        Ok(asked)
    }

    /// One that a person named. One of BACKUP_DIR is called by its own name, though it was named `latest`.
    fn named(name: &str, store: &Store, url: &Url) -> Self {
        let path = store.find(name, &url.identity());
        let here = path.as_ref().ok().filter(|path| path.parent() == Some(store.dir()));
        let own = here.and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
        Self { name: own.unwrap_or_else(|| name.to_owned()), path }
    }

    /// Looks without reading: the manifest, and the length of the data.
    fn glance(self) -> Finding {
        let looked = self.path.and_then(|path| match Entry::look(&path) {
            Some(Entry { damaged: None, .. }) => Ok(()),
            Some(Entry { damaged: Some(why), .. }) => Err(Failure::new(Exit::DAMAGED, why)),
            None if path.is_dir() => Err(Failure::new(Exit::DAMAGED, "it is no backup")),
            None => Err(Failure::new(Exit::ABSENT, format!("there is no backup {}", path.display()))),
        });
        let told = looked.map(|()| "the manifest and the length are right; nothing was read".to_owned());
        Finding::of(self.name, Verdict::Unread, told)
    }

    /// Reads it in full, and gives or takes away its grade.
    fn examine(self, store: &Store, deadline: &Deadline, cx: &Context) -> Finding {
        let began = Instant::now();
        let path = self.path.as_ref().ok().cloned();
        let opened = self.path.and_then(|path| Set::open(&path, deadline));
        let proven = opened.and_then(|set| prove(&set, store, cx.meter("read"), deadline).map(|()| set));
        let graded = match (&proven, path) {
            (Ok(set), _) => {
                let seconds = began.elapsed().as_secs_f64();
                grade::give(set.path(), set.manifest(), Grade::Verified { seconds })
            }
            (Err(failure), Some(path)) if failure.exit == Exit::DAMAGED => grade::revoke(&path),
            _ => Ok(()),
        };
        if let Err(failure) = graded {
            cx.warn(&format!("the grade of {} is not up to date: {}", self.name, failure.message));
        }
        Finding::of(self.name, Verdict::Verified, proven.map(|set| contents(&set)))
    }
}

fn contents(set: &Set) -> String {
    let manifest = set.manifest();
    format!("{}, {}", count(manifest.tables.len() as u64, "table"), count(manifest.rows(), "row"))
}

impl Finding {
    /// What was found out: this verdict, or the one that the failure stands for.
    fn of(name: String, good: Verdict, found: Result<String, Failure>) -> Self {
        let (verdict, message) = match &found {
            Ok(told) => (good, told.clone()),
            Err(failure) if failure.exit == Exit::DAMAGED => (Verdict::Damaged, set::reason(failure).to_owned()),
            Err(failure) if failure.exit == Exit::ABSENT => (Verdict::Absent, failure.message.clone()),
            Err(failure) => (Verdict::Unknown, failure.message.clone()),
        };
        Self { name, verdict, message, failure: found.err() }
    }

    fn spell(&self) -> String {
        let between = if self.verdict == Verdict::Verified { "  " } else { ": " };
        voice::clean_line(&format!("{}  {}{between}{}", self.name, self.verdict.word(), self.message))
    }

    fn to_json(&self) -> Value {
        json!({"name": self.name, "verdict": self.verdict.word(), "message": self.message})
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unread => "unread",
            Self::Damaged => "damaged",
            Self::Absent => "absent",
            Self::Unknown => "unknown",
        }
    }
}

/// The failure of them all: a signal comes first, then *no*, then the first that could not be found out. `None` when all
/// verify.
fn conclude(findings: &[Finding]) -> Option<Failure> {
    if let Err(interrupted) = signal::check() {
        return Some(interrupted);
    }
    let damaged: Vec<&str> =
        findings.iter().filter(|it| it.verdict == Verdict::Damaged).map(|it| it.name.as_str()).collect();
    if damaged.is_empty() {
        return findings.iter().find_map(|finding| finding.failure.clone());
    }
    let verb = if damaged.len() == 1 { "does" } else { "do" };
    let message = format!(
        "{} of {} {verb} not verify: {}",
        damaged.len(),
        count(findings.len() as u64, "backup"),
        damaged.join(", ")
    );
    Some(Failure::new(Exit::NO, message).hint("make a new backup; what a damaged one holds cannot be trusted"))
}
