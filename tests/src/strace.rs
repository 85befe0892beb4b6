//! `strace(1)` around one tool: what system calls it makes, and one of them that goes wrong.
//!
//! strace counts `when=N` for each process on its own, so with `-f` one injection would hit several processes. A sweep
//! therefore follows the tool alone: its children run as they would, and a child that matters has a sweep of its own.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use testkit::{Run, Sandbox, tool_path};

/// What goes wrong at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL, before the call does anything.
    Kill,
    /// The call does nothing and returns this error: `EIO`.
    Error(&'static str),
    /// SIGSTOP once the call is done, for something to happen meanwhile.
    Stop,
}

/// A full disk, a broken one, a signal, and no file descriptor left.
pub const ERRORS: [Fault; 4] =
    [Fault::Error("ENOSPC"), Fault::Error("EIO"), Fault::Error("EINTR"), Fault::Error("EMFILE")];

/// Calls that change files, or that start and await processes: between two of them a kill finds the same state.
const CHANGES: &str = "open openat creat write writev pwrite64 pwritev copy_file_range sendfile fallocate ftruncate \
    truncate fsync fdatasync syncfs rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat mkdir \
    mkdirat rmdir chmod fchmod fchmodat chown fchown fchownat close flock fcntl pipe2 clone clone3 vfork fork wait4 \
    waitid exit_group";

const READS: &str = "read pread64 readv getdents64 readlink statx newfstatat lseek";

const GROWS: &str = "openat write writev pwrite64 copy_file_range sendfile fallocate ftruncate fsync fdatasync syncfs \
    rename renameat2 link linkat symlink symlinkat mkdir mkdirat fcntl";

const SLEEPS: &str = "openat read pread64 write pwrite64 fsync fdatasync ftruncate close flock fcntl wait4 waitid";

const NEEDS_A_DESCRIPTOR: &str = "openat pipe2 dup dup2 dup3 fcntl";

/// One system call of the tool.
#[derive(Clone, Debug)]
pub struct Call {
    /// `openat`.
    pub name: String,
    /// How many calls of that name there were up to this one.
    pub number: usize,
    /// The whole line of the trace.
    pub line: String,
    /// Whether it closes an end of a pipe.
    closes_pipe: bool,
}

impl Fault {
    /// Whether it can happen at this call, and makes a difference there.
    fn can_hit(self, call: &Call) -> bool {
        let is_in = |list: &str| list.split_whitespace().any(|name| name == call.name);
        // In a debug build std asks with F_GETFD whether a descriptor that it closes is open.
        if call.line.contains("F_GETFD") {
            return false;
        }
        // close(2) closes, whatever it returns; but what is injected closes nothing, and whoever reads would wait for ever.
        if call.closes_pipe && matches!(self, Self::Error(_)) {
            return false;
        }
        match self {
            Self::Kill | Self::Stop if call.name == "openat" => call.writes(),
            Self::Kill | Self::Stop => is_in(CHANGES),
            Self::Error("ENOSPC") if call.name == "openat" => call.line.contains("O_CREAT"),
            Self::Error("ENOSPC") => is_in(GROWS),
            Self::Error("EINTR") => is_in(SLEEPS),
            Self::Error("EMFILE") if call.name == "fcntl" => call.line.contains("F_DUPFD"),
            Self::Error("EMFILE") => is_in(NEEDS_A_DESCRIPTOR),
            Self::Error(_) => call.name != "exit_group" && (is_in(CHANGES) || is_in(READS)),
        }
    }

    fn injection(self, call: &Call) -> String {
        let what = match self {
            Self::Kill => "signal=KILL".to_owned(),
            Self::Error(error) => format!("error={error}"),
            Self::Stop => "signal=STOP".to_owned(),
        };
        format!("--inject={}:{what}:when={}", call.name, call.number)
    }
}

impl Call {
    fn writes(&self) -> bool {
        ["O_CREAT", "O_WRONLY", "O_RDWR"].iter().any(|flag| self.line.contains(flag))
    }
}

/// A fault at a call.
#[derive(Clone, Debug)]
pub struct Point {
    /// What goes wrong.
    pub fault: Fault,
    /// Where.
    pub call: Call,
}

impl Point {
    /// Every point of a trace, fault by fault.
    pub fn all(faults: &[Fault], calls: &[Call]) -> Vec<Self> {
        let hit = |fault: &Fault| calls.iter().filter(|call| fault.can_hit(call)).cloned().collect::<Vec<_>>();
        faults.iter().flat_map(|fault| hit(fault).into_iter().map(|call| Self { fault: *fault, call })).collect()
    }
}

/// strace, with or without a fault.
#[derive(Debug)]
pub struct Strace {
    trace: PathBuf,
    injection: Option<String>,
}

impl Strace {
    /// strace that only watches.
    pub fn watching(sandbox: &Sandbox) -> Self {
        Self { trace: sandbox.path("trace"), injection: None }
    }

    /// strace that injects the fault of a point.
    pub fn injecting(sandbox: &Sandbox, point: &Point) -> Self {
        Self { trace: sandbox.path("trace"), injection: Some(point.fault.injection(&point.call)) }
    }

    /// A run of one of the real tools with strace around it.
    pub fn tool(&self, sandbox: &Sandbox, name: &str) -> Run {
        let strace = sandbox.program("strace".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
        strace.args(self.args()).arg(tool_path(name))
    }

    /// Puts strace around a tool that another tool runs: only that child is followed.
    pub fn stand_in(&self, sandbox: &Sandbox, name: &str) {
        let tool = tool_path(name);
        sandbox.stand_in(name, &format!("exec strace {} {} \"$@\"", self.args().join(" "), tool.display()));
    }

    fn args(&self) -> Vec<String> {
        let fixed = ["-qq", "-o", &self.trace.to_string_lossy()].map(str::to_owned);
        fixed.into_iter().chain(self.injection.clone()).collect()
    }

    /// The calls of the tool since its `main` was about to begin. What the dynamic loader does before is the same for
    /// every program and touches no file of ours; the first call of Rust's own start is a `poll` of 0, 1 and 2.
    pub fn calls(&self) -> Vec<Call> {
        let calls = self.all_calls();
        let main = calls.iter().position(|call| call.line.starts_with("poll([{fd=0"));
        calls.into_iter().skip(main.expect("a tool of Rust's begins with poll")).collect()
    }

    fn all_calls(&self) -> Vec<Call> {
        let mut calls: Vec<Call> = Vec::new();
        let mut pipes = HashSet::new();
        for line in read(&self.trace).lines() {
            assert!(!line.contains("CLONE_THREAD"), "a thread would run beside what is followed: {line}");
            let Some((name, _)) = line.split_once('(') else { continue };
            let number = 1 + calls.iter().filter(|call| call.name == name).count();
            let closes_pipe = follow(&mut pipes, line);
            calls.push(Call { name: name.to_owned(), number, line: line.to_owned(), closes_pipe });
        }
        calls
    }

    /// Whether the fault happened, as strace itself tells.
    pub fn has_injected(&self) -> bool {
        let trace = read(&self.trace);
        let signs = ["(INJECTED)", "+++ killed by SIGKILL +++", "--- stopped by SIGSTOP ---"];
        signs.iter().any(|sign| trace.contains(sign))
    }
}

/// Keeps the list of the descriptors that are ends of pipes, and says whether this call closes one.
fn follow(pipes: &mut HashSet<i32>, line: &str) -> bool {
    let (name, rest) = line.split_once('(').unwrap_or_default();
    let (arguments, result) = rest.rsplit_once(" = ").unwrap_or_default();
    let mut numbers = arguments.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    match name {
        "pipe2" => pipes.extend(numbers.take(2)),
        "fcntl" if line.contains("F_DUPFD") && numbers.next().is_some_and(|from| pipes.contains(&from)) => {
            pipes.extend(result.trim().parse::<i32>());
        }
        "close" => return numbers.next().is_some_and(|number| pipes.remove(&number)),
        _ => {}
    }
    false
}

fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("there is no trace {}: {error}", path.display()));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a trace (of `strace -f`) says was created: the path, and the mode in the call.
pub fn creations(trace: &str) -> Vec<(String, u32)> {
    trace.lines().filter_map(creation).collect()
}

fn creation(line: &str) -> Option<(String, u32)> {
    let makes_file = line.contains("O_CREAT") || line.contains("O_TMPFILE");
    if !makes_file && !line.contains("mkdir(") && !line.contains("mkdirat(") && !line.contains(" creat(") {
        return None;
    }
    let mut parts = line.splitn(3, '"');
    let (path, flags) = (parts.nth(1)?, parts.next()?);
    let mode = flags.split(')').next()?.rsplit(", ").next()?;
    let digits: String = mode.chars().take_while(|c| c.is_digit(8)).collect();
    // A call without a mode counts as one that everybody may use: it fails the test.
    Some((path.to_owned(), u32::from_str_radix(&digits, 8).unwrap_or(0o7777)))
}
