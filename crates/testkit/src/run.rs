//! One run of a tool, strict: what is not announced must be empty.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// A tool about to run. Unless said otherwise it must exit with 0 and print nothing on stdout and stderr.
#[must_use = "nothing runs before `check`"]
pub struct Run {
    command: Command,
    stdin: Option<Vec<u8>>,
    stdin_file: Option<File>,
    code: i32,
    stdout: Expected,
    stderr: Expected,
    place: PathBuf,
}

enum Expected {
    Empty,
    Any,
    Is(String),
    Has(Vec<String>),
}

/// What a checked run printed.
pub struct Ran {
    /// stdout.
    pub stdout: String,
    /// stderr.
    pub stderr: String,
}

impl Ran {
    /// stdout as the one JSON object that it must be.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl Run {
    pub(crate) fn new(program: &Path, place: &Path) -> Self {
        Self {
            command: Command::new(program),
            stdin: None,
            stdin_file: None,
            code: 0,
            stdout: Expected::Empty,
            stderr: Expected::Empty,
            place: place.to_owned(),
        }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes the tester's whole environment away.
    pub(crate) fn env_clear(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Takes a variable away.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Puts a directory first on PATH.
    pub fn path_first(mut self, dir: &Path) -> Self {
        let mut path = OsString::from(dir);
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        self.command.env("PATH", path);
        self
    }

    /// Where it runs.
    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// What it reads; nothing unless said.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// An open file as what it reads: the environment's lock, say.
    pub fn stdin_file(mut self, file: File) -> Self {
        self.stdin_file = Some(file);
        self
    }

    /// The exit code that it must have.
    pub fn code(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// What stdout must be, exactly.
    pub fn stdout(mut self, text: impl Into<String>) -> Self {
        self.stdout = Expected::Is(text.into());
        self
    }

    /// What stdout must contain.
    pub fn stdout_has(mut self, text: impl Into<String>) -> Self {
        self.stdout = self.stdout.and(text.into());
        self
    }

    /// stdout may be anything.
    pub fn any_stdout(mut self) -> Self {
        self.stdout = Expected::Any;
        self
    }

    /// What stderr must be, exactly.
    pub fn stderr(mut self, text: impl Into<String>) -> Self {
        self.stderr = Expected::Is(text.into());
        self
    }

    /// What stderr must contain.
    pub fn stderr_has(mut self, text: impl Into<String>) -> Self {
        self.stderr = self.stderr.and(text.into());
        self
    }

    /// stderr may be anything.
    pub fn any_stderr(mut self) -> Self {
        self.stderr = Expected::Any;
        self
    }

    /// Starts it and lets the caller deal with it; stdout and stderr are thrown away.
    pub fn spawn(mut self) -> Child {
        self.command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command))
    }

    /// Hands the prepared command over, for a test that needs its streams.
    pub fn into_command(self) -> Command {
        self.command
    }

    /// Runs it and compares.
    pub fn check(mut self) -> Ran {
        let output = self.output();
        let ran = Ran {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        let as_told =
            output.status.code() == Some(self.code) && self.stdout.fits(&ran.stdout) && self.stderr.fits(&ran.stderr);
        assert!(
            as_told,
            "{:?}\n— ended with {}, expected {}\n— stdout, expected {}:\n{}\n— stderr, expected {}:\n{}\n— in:\n{}",
            self.command,
            output.status,
            self.code,
            self.stdout.spell(),
            ran.stdout,
            self.stderr.spell(),
            ran.stderr,
            tree(&self.place)
        );
        ran
    }

    fn output(&mut self) -> Output {
        let stdin = match (&self.stdin, self.stdin_file.take()) {
            (Some(_), _) => Stdio::piped(),
            (None, Some(file)) => Stdio::from(file),
            (None, None) => Stdio::null(),
        };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), self.stdin.take()) {
            // A tool that does not read all of it is free to do so.
            drop(pipe.write_all(&text));
        }
        child.wait_with_output().expect("a child can be waited for")
    }
}

impl Expected {
    fn and(self, text: String) -> Self {
        match self {
            Self::Has(mut all) => {
                all.push(text);
                Self::Has(all)
            }
            _ => Self::Has(vec![text]),
        }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Empty => text.is_empty(),
            Self::Any => true,
            Self::Is(whole) => text == whole,
            Self::Has(parts) => parts.iter().all(|part| text.contains(part)),
        }
    }

    fn spell(&self) -> String {
        match self {
            Self::Empty => "nothing".to_owned(),
            Self::Any => "anything".to_owned(),
            Self::Is(whole) => format!("{whole:?}"),
            Self::Has(parts) => format!("{parts:?}"),
        }
    }
}

/// The files below a directory, one a line: what a failed test shows.
fn tree(place: &Path) -> String {
    let listed = Command::new("find")
        .arg(place)
        .args(["-not", "-path", "*/repo.git/*", "-not", "-path", "*/.git/*", "-not", "-path", "*/releases/*/*"])
        .output();
    listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
