//! One lock per environment: `state/lock`, a `flock(2)` on a file that is never removed.
//!
//! The lock belongs to an open file description, and the pipeline carries that description as its *standard input*.
//! So it is held exactly until the last process of the pipeline is gone, also when the runner alone was killed; a
//! tool finds out that it already holds the lock by looking at its stdin; and an app, which is started with
//! `/dev/null`, never keeps it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

use rustix::process::Pid;

use crate::clock;
use crate::exit::Exit;
use crate::failure::{Attempt, Failure};
use crate::files;
use crate::root::Root;
use crate::{signal, voice};

/// How often a lock that is awaited is tried: a person notices no delay, and a day of waiting costs no work.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// How often a lock that is not awaited is tried.
const TRIES: u32 = 3;

/// A held lock. Dropping it frees it, unless a child still carries it as its stdin.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Holds the environment's lock: the one on stdin if that is it, else a new one. Somebody else's is 75, with their
    /// name.
    pub fn hold(root: &Root, holder: &str) -> Result<Self, Failure> {
        let path = root.state().join(ENVIRONMENT);
        let file = open(&path)?;
        if let Some(inherited) = on_stdin(&file)? {
            return if try_lock(&inherited).attempt("take the lock on stdin")? {
                Ok(Self { file: inherited })
            } else {
                Err(busy(&path, &file))
            };
        }
        Self::take_unless_held(file, &path, holder)?.map_err(|file| busy(&path, &file))
    }

    /// Holds `state/NAME` if nobody does; `None` when somebody does.
    pub fn try_hold(root: &Root, name: &str, holder: &str) -> Result<Option<Self>, Failure> {
        let path = root.state().join(name);
        Ok(Self::take_unless_held(open(&path)?, &path, holder)?.ok())
    }

    /// Waits for `state/NAME`, however long its holder takes, until a signal.
    pub fn wait(root: &Root, name: &str, holder: &str) -> Result<Self, Failure> {
        let path = root.state().join(name);
        let mut file = open(&path)?;
        loop {
            match Self::try_take(file, &path, holder)? {
                Ok(lock) => return Ok(lock),
                Err(same) => file = same,
            }
            signal::check()?;
            thread::sleep(TRY_EVERY);
        }
    }

    /// Whether stdin is the environment's lock, held: this run is a part of a pipeline. Nothing is taken by asking.
    pub fn is_inherited(root: &Root) -> Result<bool, Failure> {
        let file = open(&root.state().join(ENVIRONMENT))?;
        match on_stdin(&file)? {
            Some(inherited) => try_lock(&inherited).attempt("look at the lock on stdin"),
            None => Ok(false),
        }
    }

    /// The same open file description, to be a child's stdin: the child holds the lock too.
    pub fn for_child(&self) -> Result<File, Failure> {
        self.file.try_clone().attempt("hand the lock to a child")
    }

    /// More than one try: somebody may only be looking whether the lock is held.
    fn take_unless_held(mut file: File, path: &Path, holder: &str) -> Result<Result<Self, File>, Failure> {
        for _ in 0..TRIES {
            match Self::try_take(file, path, holder)? {
                Ok(lock) => return Ok(Ok(lock)),
                Err(same) => file = same,
            }
            thread::sleep(TRY_EVERY);
        }
        Ok(Err(file))
    }

    fn try_take(file: File, path: &Path, holder: &str) -> Result<Result<Self, File>, Failure> {
        let doing = format!("lock {}", path.display());
        if !try_lock(&file).attempt(&doing)? {
            return Ok(Err(file));
        }
        let note = format!("{holder}, process {}, since {}\n", process::id(), clock::rfc3339(clock::now()));
        // The note only names the holder to those who wait: a disk that is full must not keep a rollback from working.
        drop(file.set_len(0).and_then(|()| file.write_all_at(note.as_bytes(), 0)));
        Ok(Ok(Self { file }))
    }
}

/// The name of the environment's lock; others guard the queue and its runner.
pub const ENVIRONMENT: &str = "lock";

/// Who holds `state/NAME`, in their own words; `None` when nobody does. Looking makes no file, and two who look at once
/// do not take each other for a holder.
pub fn holder(root: &Root, name: &str) -> Result<Option<String>, Failure> {
    let path = root.state().join(name);
    let doing = format!("look at {}", path.display());
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.attempt(&doing)?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(note(&file))),
        Err(TryLockError::Error(error)) => Err(Failure::io(doing, &error)),
    }
}

/// The process that took `state/NAME`; `None` when nobody holds it, or when that process is gone and left it to a child.
/// A note may be stale (a full disk takes no new one): a process that has not the file open did not write it.
pub fn process_of(root: &Root, name: &str) -> Result<Option<Pid>, Failure> {
    let noted = holder(root, name)?.and_then(|note| {
        let (_, rest) = note.rsplit_once(", process ")?;
        rest.split(',').next()?.parse().ok()
    });
    let path = root.state().join(name);
    let has_it_open = |pid: &Pid| {
        let files = files::list(Path::new(&format!("/proc/{pid}/fd"))).unwrap_or_default();
        let path = path.canonicalize().ok();
        files.iter().any(|file| fs::read_link(file).ok() == path && path.is_some())
    };
    Ok(noted.and_then(Pid::from_raw).filter(has_it_open))
}

fn open(path: &Path) -> Result<File, Failure> {
    if let Some(dir) = path.parent() {
        files::make_private_dir(dir)?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .attempt(format_args!("open the lock {}", path.display()))
}

/// Stdin, when it is the very file of the lock.
fn on_stdin(lock: &File) -> Result<Option<File>, Failure> {
    let Ok(stdin) = io::stdin().as_fd().try_clone_to_owned() else {
        return Ok(None);
    };
    let stdin = File::from(stdin);
    let (Ok(theirs), ours) = (stdin.metadata(), lock.metadata().attempt("look at the lock")?) else {
        return Ok(None);
    };
    let same = theirs.dev() == ours.dev() && theirs.ino() == ours.ino();
    Ok(same.then_some(stdin))
}

/// On a description that holds the lock already, taking it again succeeds and changes nothing (`flock(2)`): that is
/// how an inherited lock is told from somebody else's.
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn busy(path: &Path, file: &File) -> Failure {
    Failure::new(Exit::BUSY, format!("{} is held by {}", path.display(), note(file)))
        .hint("wait until it is done: `deploy-queue list` shows what runs")
}

fn note(mut file: &File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => voice::clean_line(text.trim()),
        _ => "somebody who left no name".to_owned(),
    }
}
