//! Child processes: an argument vector and never a shell, a group of their own, a deadline, and no pipe that a
//! grandchild could hold open.
//!
//! What a child prints goes to a file (a log, or one without a name that is read afterwards). So waiting for a child
//! waits for that process alone: a daemon that it left behind and that still holds its output delays nobody. What is too
//! large for a file goes through a pipe that has the same guarantees: a [`Producer`] or a [`Consumer`].

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::Mode;
use rustix::pipe::fcntl_setpipe_size;
use rustix::process::umask;

pub use crate::ending::{Ended, Status};
use crate::ending::{Limits, Whole, end, wait};
use crate::exit::Exit;
use crate::failure::{Attempt, Failure};
use crate::orphan;
pub use crate::pipe::{Consumer, Producer};
use crate::{forerunner, signal};

/// How long a child may take to end after SIGTERM before SIGKILL. One of our own tools may have to end children of
/// its own first, so it gets twice as long.
const GRACE: Duration = Duration::from_secs(5);

/// How much a pipe holds, in bytes: as much as any user may have (`pipe(7)`). Writer and reader change places less often.
const PIPE: usize = 1 << 20;

/// Where a child's output goes.
#[derive(Debug)]
pub enum Sink {
    /// Nowhere.
    Null,
    /// To this tool's own stderr: sentences of another tool.
    Stderr,
    /// Into a file, a log.
    File(File),
    /// Into [`Ended`].
    Capture,
}

/// A program about to run.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    dir: Option<PathBuf>,
    stdin: Option<File>,
    stdout: Sink,
    stderr: Sink,
    deadline: Option<Duration>,
    forerunner: Option<PathBuf>,
    whole_group: bool,
    private: bool,
    grace: Duration,
}

impl Program {
    /// A program of the system, found on PATH: 69 with its name when it is not installed. It gets PATH, HOME and the
    /// language, nothing else: a hook's `GIT_DIR` and our secrets stay here.
    pub fn find(name: &str) -> Result<Self, Failure> {
        let path = which::which(name).map_err(|_| {
            Failure::new(Exit::UNAVAILABLE, format!("cannot run {name}: it is not installed, or not on PATH"))
                .hint(format!("as root: apt-get install {name}"))
        })?;
        Ok(Self::at(path))
    }

    /// A program of the system by its path, where several versions lie side by side. Its environment is as plain.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self::new(path.into(), plain_environment())
    }

    /// One of our own tools: beside this tool's own (canonical) executable, else on PATH. It gets this tool's
    /// environment, less what git gave to a hook.
    pub fn tool(name: &str) -> Result<Self, Failure> {
        let mut tool = Self::new(find_tool(name)?, inherited_environment());
        tool.grace = GRACE * 2;
        Ok(tool)
    }

    fn new(path: PathBuf, env: BTreeMap<OsString, OsString>) -> Self {
        Self {
            path,
            args: Vec::new(),
            env,
            dir: None,
            stdin: None,
            stdout: Sink::Capture,
            stderr: Sink::Capture,
            deadline: None,
            forerunner: None,
            whole_group: false,
            private: false,
            grace: GRACE,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Where it runs.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// What it reads; `/dev/null` unless said.
    #[must_use]
    pub fn stdin(mut self, file: File) -> Self {
        self.stdin = Some(file);
        self
    }

    /// Where stdout goes; captured unless said.
    #[must_use]
    pub fn stdout(mut self, sink: Sink) -> Self {
        self.stdout = sink;
        self
    }

    /// Where stderr goes; captured unless said.
    #[must_use]
    pub fn stderr(mut self, sink: Sink) -> Self {
        self.stderr = sink;
        self
    }

    /// How long it may take; for ever unless said.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Its end is that of its whole group: what it leaves running there, because it was killed, say, is ended too.
    #[must_use]
    pub fn ends_its_group(mut self) -> Self {
        self.whole_group = true;
        self
    }

    /// What files it makes, nobody else can read, unless it says so itself. The mask is that of this whole process while it
    /// starts: no other thread of it may make files then.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// A command of the user's, which leads a session of its own.
    pub(crate) fn command(words: &[OsString]) -> Self {
        let (path, args) = words.split_first().map_or((PathBuf::new(), &[][..]), |(path, args)| (path.into(), args));
        let mut command = Self::at(path).args(args);
        command.forerunner = Some(PathBuf::from(forerunner::NOWHERE));
        command
    }

    /// It leads a session of its own and has a note in this directory while it runs, so that none begins beside one that
    /// a killed tool has left at work: those are ended first.
    pub(crate) fn noted_in(mut self, dir: &Path) -> Self {
        self.forerunner = Some(dir.to_owned());
        self
    }

    /// Runs it to its end. A failure is ours (69: cannot be started) or a signal to this tool (128+n, with the child
    /// ended first); how the child itself ended is for the caller to judge.
    pub fn run(self) -> Result<Ended, Failure> {
        let whole_group = self.whole_group;
        let notes = self.forerunner.clone().filter(|notes| notes != Path::new(forerunner::NOWHERE));
        if let Some(notes) = &notes {
            orphan::end_all(notes, self.grace).attempt("end the command that a killed tool has left")?;
        }
        let running = self.start()?;
        let note = notes.zip(running.handle.pids().first()).map(|(notes, leader)| orphan::note(&notes, *leader));
        let ended = running.wait(whole_group);
        drop(note.map(fs::remove_file));
        ended
    }

    /// Starts it, to be read from while it runs. Its stdout is the result, and its end decides whether that is whole:
    /// [`Producer::finish`].
    pub fn produce(mut self) -> Result<Producer, Failure> {
        let (ours, theirs) = io::pipe().attempt("make a pipe")?;
        // Who may not have so much has the usual 64 KiB.
        let is_large = fcntl_setpipe_size(&ours, PIPE).is_ok();
        self.stdout = Sink::File(OwnedFd::from(theirs).into());
        Ok(Producer::new(self.start()?, ours, is_large))
    }

    /// Starts it, to be written to while it runs: [`Consumer::finish`] ends its stdin and waits for it.
    pub fn consume(mut self) -> Result<Consumer, Failure> {
        let (theirs, ours) = io::pipe().attempt("make a pipe")?;
        fcntl_setpipe_size(&ours, PIPE).ok();
        self.stdin = Some(OwnedFd::from(theirs).into());
        Consumer::new(self.start()?, ours)
    }

    fn start(self) -> Result<Running, Failure> {
        let name = self.path.display().to_string();
        let stdout = Output::open(self.stdout)?;
        let stderr = Output::open(self.stderr)?;
        let leads = self.forerunner.is_some();
        let (path, args) = match self.forerunner {
            Some(notes) => forerunner::of(&notes, self.path, self.args),
            None => (self.path, self.args),
        };
        let mut expression = duct::cmd(path, args).full_env(&self.env).unchecked();
        expression = stdout.attach(&expression, duct::Expression::stdout_null, duct::Expression::stdout_file)?;
        expression = stderr.attach(&expression, duct::Expression::stderr_null, duct::Expression::stderr_file)?;
        expression = match self.stdin {
            Some(file) => expression.stdin_file(file),
            None => expression.stdin_null(),
        };
        if let Some(dir) = self.dir {
            expression = expression.dir(dir);
        }
        let expression = expression.before_spawn(move |command| {
            if leads {
                // Who leads a group already cannot begin a session.
                command.arg0(forerunner::NAME);
            } else {
                command.process_group(0);
            }
            Ok(())
        });
        let before = self.private.then(|| umask(Mode::RWXG | Mode::RWXO));
        let started = expression.start();
        before.map(umask);
        let handle = started.attempt_or(Exit::UNAVAILABLE, format_args!("start {name}"))?;
        let whole = if leads { Whole::Session } else { Whole::Group };
        let limits = Limits { whole, began: Instant::now(), deadline: self.deadline, grace: self.grace };
        Ok(Running { name, handle, limits, stdout, stderr })
    }

    /// Starts it and lets go: it outlives this tool, reads `/dev/null`, and says everything into `log`. It leads no
    /// group, so that it can call `setsid(2)` first thing and be in a session of its own.
    pub fn detach(self, log: File) -> Result<(), Failure> {
        let expression = duct::cmd(&self.path, &self.args).full_env(&self.env).unchecked();
        let mut expression = expression.stdin_null().stderr_to_stdout().stdout_file(log);
        if let Some(dir) = self.dir {
            expression = expression.dir(dir);
        }
        let started = expression.start();
        drop(started.attempt_or(Exit::UNAVAILABLE, format_args!("start {}", self.path.display()))?);
        Ok(())
    }
}

/// A program that was started and is to be waited for.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) name: String,
    pub(crate) handle: duct::Handle,
    pub(crate) limits: Limits,
    stdout: Output,
    stderr: Output,
}

impl Running {
    /// Waits for it, and with `whole_group` ends what it has left in its group.
    pub(crate) fn wait(self, whole_group: bool) -> Result<Ended, Failure> {
        let mut waited = wait(&self.handle, &self.limits);
        if whole_group {
            waited = waited.and_then(|status| end(&self.handle, &self.limits).map(|()| status));
        }
        let waited = waited.attempt(format_args!("wait for {}", self.name));
        signal::check()?;
        Ok(Ended { status: waited?, stdout: self.stdout.read()?, stderr: self.stderr.read()? })
    }
}

/// An opened [`Sink`].
#[derive(Debug)]
enum Output {
    Null,
    Inherited,
    File(File),
    Captured(File),
}

impl Output {
    fn open(sink: Sink) -> Result<Self, Failure> {
        Ok(match sink {
            Sink::Null => Self::Null,
            Sink::Stderr => Self::Inherited,
            Sink::File(file) => Self::File(file),
            Sink::Capture => Self::Captured(tempfile::tempfile().attempt("make a temporary file")?),
        })
    }

    fn attach(
        &self,
        expression: &duct::Expression,
        null: impl Fn(&duct::Expression) -> duct::Expression,
        file: impl Fn(&duct::Expression, File) -> duct::Expression,
    ) -> Result<duct::Expression, Failure> {
        let clone = |file: &File| file.try_clone().attempt("hand a file to a child");
        Ok(match self {
            Self::Null => null(expression),
            Self::Inherited => match io::stderr().as_fd().try_clone_to_owned() {
                Ok(stderr) => file(expression, File::from(stderr)),
                // A stderr that is closed hears nothing.
                Err(_) => null(expression),
            },
            Self::File(sink) | Self::Captured(sink) => file(expression, clone(sink)?),
        })
    }

    fn read(self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        if let Self::Captured(mut file) = self {
            file.rewind().and_then(|()| file.read_to_end(&mut bytes)).attempt("read what a child printed")?;
        }
        Ok(bytes)
    }
}

/// Where one of our tools is: beside this one, else on PATH. A tool is found through the canonical executable, so
/// that a hook which is a symbolic link still finds its family.
fn find_tool(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().and_then(fs::canonicalize);
    let beside = own.ok().map(|own| own.with_file_name(name)).filter(|path| path.is_file());
    match beside {
        Some(path) => Ok(path),
        None => which::which(name).map_err(|_| {
            Failure::new(Exit::UNAVAILABLE, format!("cannot run {name}: it is neither beside this tool nor on PATH"))
                .hint("install the whole family into one directory: scripts/install")
        }),
    }
}

/// The directory of this tool's own executable, where the family lives.
#[must_use]
pub fn own_dir() -> Option<PathBuf> {
    let own = std::env::current_exe().and_then(fs::canonicalize).ok()?;
    own.parent().map(Path::to_owned)
}

/// PATH, HOME, the user and the language: what any program may know.
fn plain_environment() -> BTreeMap<OsString, OsString> {
    let plain = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
    std::env::vars_os().filter(|(name, _)| plain.iter().any(|plain| name == plain)).collect()
}

/// This tool's own environment without git's: a hook runs with `GIT_DIR=.`, a quarantine and push options, which mean
/// nothing to a child elsewhere.
fn inherited_environment() -> BTreeMap<OsString, OsString> {
    std::env::vars_os().filter(|(name, _)| !name.as_encoded_bytes().starts_with(b"GIT_")).collect()
}
