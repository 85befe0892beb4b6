//! The command of a step: where it runs, what it is told, where it speaks.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::failure::Attempt;
use kit::process::Status;
use kit::root::Root;
use kit::{Context, Exit, Failure, Outcome, clock, files, user_command, voice};

use crate::args::Args;

/// How many of a failed command's last lines are shown.
const SHOWN: usize = 20;

/// In how many bytes at the end of the log they are looked for.
const LOOKED_AT: u64 = 16 * 1024;

/// A shell's own words for "cannot execute" and "not found" (POSIX, Exit Status for Commands).
const CANNOT_RUN: [u8; 2] = [126, 127];

/// A step, ready to run.
pub(crate) struct Step {
    command: Vec<OsString>,
    text: String,
    dir: PathBuf,
    env: Vec<(OsString, OsString)>,
    log: PathBuf,
    timeout: Duration,
    root: Root,
}

impl Step {
    /// What is to be run and where; `None` when the step's setting is empty.
    pub(crate) fn plan(args: &Args, cx: &mut Context) -> Result<Option<Self>, Failure> {
        if !kit::root::is_environment(&args.name) {
            let message = format!("{:?} cannot name a step: letters, digits, `-` and `_` only", args.name);
            return Err(Failure::new(Exit::USAGE, message));
        }
        let (command, text) = match &args.setting {
            None => (args.command.clone(), args.command.join(" ".as_ref()).to_string_lossy().into_owned()),
            Some(setting) => match cx.settings.get(setting) {
                None => return Ok(None),
                Some(text) => (user_command::shell(&text), text),
            },
        };
        let root = cx.root()?;
        let mut env = cx.settings.listed(&format!("{}_ENV", args.name.to_uppercase()));
        let (dir, prefix) = match cx.deploy()? {
            Some(deploy) => {
                let release = root.staged_by(&deploy)?;
                let commit = root.revision(&release)?;
                cx.concerns(&release, Some(&commit));
                env.push(("PUSHBACK_COMMIT".into(), commit.into()));
                (root.release(&release), deploy.to_string())
            }
            None => (PathBuf::from("."), clock::file_name(clock::now())),
        };
        Ok(Some(Self {
            command,
            text,
            dir: fs::canonicalize(&dir).attempt_or(Exit::ABSENT, format_args!("run in {}", dir.display()))?,
            env,
            log: log_path(&root, &prefix, &args.name)?,
            timeout: args.timeout,
            root,
        }))
    }

    /// The command as a person would recognise it: the setting's text, or the words.
    pub(crate) fn spell(&self) -> &str {
        &self.text
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Runs it once; the log starts anew.
    pub(crate) fn run(&self) -> Result<Status, Failure> {
        let log = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.log);
        let log: File = log.attempt(format_args!("write the log {}", self.log.display()))?;
        user_command::run(&self.command, &self.dir, &self.env, log, self.timeout, &self.root)
    }

    /// What the last attempt means for the pipeline.
    pub(crate) fn judge(&self, name: &str, status: Status, cx: &mut Context) -> Result<Outcome, Failure> {
        cx.detail("log", self.log.display().to_string());
        if status.is_success() {
            return Ok(Outcome::done(""));
        }
        self.show_end()?;
        let exit = match status {
            Status::Exit(code) if CANNOT_RUN.contains(&code) => Exit::UNAVAILABLE,
            Status::Exit(_) | Status::Signal(_) => Exit::NO,
            Status::Deadline => Exit::DEADLINE,
        };
        if let Status::Exit(code) = status {
            cx.detail("command_exit_code", code);
        }
        let message = format!("{name} {}: {}", status.spell(), self.spell());
        Err(Failure::new(exit, message).hint(format!("its whole output is in {}", self.log.display())))
    }

    fn show_end(&self) -> Result<(), Failure> {
        let log = self.end_of_log().attempt(format_args!("read the log {}", self.log.display()))?;
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(SHOWN)) {
            voice::line(&format!("  | {line}"));
        }
        Ok(())
    }

    /// The log's end: a command may have said more than fits into memory.
    fn end_of_log(&self) -> io::Result<Vec<u8>> {
        let mut log = File::open(&self.log)?;
        let length = log.metadata()?.len();
        log.seek(SeekFrom::Start(length.saturating_sub(LOOKED_AT)))?;
        let mut end = Vec::new();
        log.take(LOOKED_AT).read_to_end(&mut end)?;
        Ok(end)
    }
}

fn log_path(root: &Root, prefix: &str, name: &str) -> Result<PathBuf, Failure> {
    files::make_private_dir(&root.logs())?;
    Ok(root.logs().join(format!("{prefix}-{name}.log")))
}
