//! What a run of a tool knows, what it says, and how it ends.

use std::io::{self, IsTerminal};
use std::time::Instant;

use serde_json::{Map, Value};

use crate::clock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::history::{self, History};
use crate::journal::{BEGIN, ErrorPart, Journal, Record};
use crate::lock::Lock;
use crate::process::{Ended, Program, Sink, Status};
use crate::progress::Meter;
use crate::root::{DeployId, Root};
use crate::settings::Settings;
use crate::tool::Tool;
use crate::voice;

/// How a tool ended that did what it was asked, or whose answer is no.
#[derive(Debug)]
pub struct Outcome {
    exit: Exit,
    text: String,
    failure: Option<Failure>,
}

impl Outcome {
    /// Done; `text` goes to stdout.
    pub fn done(text: impl Into<String>) -> Self {
        Self::with(Exit::DONE, text)
    }

    /// The answer is no; `text` goes to stdout all the same.
    pub fn no(text: impl Into<String>) -> Self {
        Self::with(Exit::NO, text)
    }

    /// A result with a code of its own.
    pub fn with(exit: Exit, text: impl Into<String>) -> Self {
        Self { exit, text: text.into(), failure: None }
    }

    /// A failure told as any other, of a tool that has a result nevertheless; `text` goes to stdout all the same.
    pub fn failed(failure: Failure, text: impl Into<String>) -> Self {
        Self { exit: failure.exit, text: text.into(), failure: Some(failure) }
    }
}

/// How much a tool says on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Talk {
    Quiet,
    Normal,
    Verbose,
}

/// What a run of a tool knows and says.
#[derive(Debug)]
pub struct Context {
    /// The settings.
    pub settings: Settings,
    name: &'static str,
    json: bool,
    talk: Talk,
    record: Record,
    journal: Option<Journal>,
    journals: bool,
    changes: bool,
    began: Instant,
}

impl Context {
    /// What the command line and the settings say of this run.
    pub(crate) fn new(tool: &Tool, matches: &clap::ArgMatches, settings: Settings) -> Result<Self, Failure> {
        let mut record = Record::new(tool.name);
        record.env = settings.get("DEPLOY_ENV");
        if let Some(name) = record.env.as_deref().filter(|name| !crate::root::is_environment(name)) {
            let message = format!(
                "DEPLOY_ENV is {name:?}; it may hold letters, digits, `-` and `_`, and begins with a letter or digit"
            );
            return Err(Failure::new(Exit::SETTINGS, message));
        }
        // In every directory a relative path would be another file, and the history would split.
        for name in ["PUSHBACK_JOURNAL", "DEPLOY_REPO", "APP_ENV_FILE"] {
            if let Some(path) = settings.get(name).filter(|path| !path.starts_with('/')) {
                return Err(Failure::new(Exit::SETTINGS, format!("{name} is {path}, which is not an absolute path")));
            }
        }
        record.deploy = settings.get("PUSHBACK_DEPLOY");
        record.step = settings.get("PUSHBACK_STEP");
        record.parent = settings.get("PUSHBACK_PARENT");
        Ok(Self {
            name: tool.name,
            json: matches.get_flag("json"),
            talk: match (matches.get_flag("quiet"), matches.get_flag("verbose")) {
                (true, _) => Talk::Quiet,
                (false, true) => Talk::Verbose,
                (false, false) => Talk::Normal,
            },
            settings,
            record,
            journal: None,
            journals: false,
            changes: false,
            began: Instant::now(),
        })
    }

    /// Says a sentence on stderr, unless `-q`.
    pub fn say(&self, sentence: &str) {
        if self.talk != Talk::Quiet {
            voice::say(self.name, sentence);
        }
    }

    /// Says it only with `-v`.
    pub fn say_more(&self, sentence: &str) {
        if self.talk == Talk::Verbose {
            voice::say(self.name, sentence);
        }
    }

    /// Says it always: something is wrong, but the work goes on.
    pub fn warn(&self, sentence: &str) {
        voice::say(self.name, sentence);
    }

    /// Whether the exit code alone is asked for: `-q`, and no `--json`.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.talk == Talk::Quiet && !self.json
    }

    /// Shows on a terminal how far work gets, unless `-q` or `--json`. `verb` says what became of the bytes: `packed`.
    #[must_use]
    pub fn meter(&self, verb: &'static str) -> Meter {
        let is_seen = self.talk != Talk::Quiet && !self.json && io::stderr().is_terminal();
        Meter::new(is_seen.then_some(self.name), verb)
    }

    /// The environment's directory.
    pub fn root(&self) -> Result<Root, Failure> {
        Root::open(&self.settings)
    }

    /// The environment's lock, held until dropped: the pipeline's on stdin, or our own.
    pub fn lock(&self, root: &Root) -> Result<Lock, Failure> {
        let holder = match &self.record.deploy {
            Some(deploy) => format!("{} ({deploy})", self.name),
            None => self.name.to_owned(),
        };
        Lock::hold(root, &holder)
    }

    /// The history of the environment.
    pub fn history(&self) -> Result<History, Failure> {
        History::load(&self.settings)
    }

    /// The deployment that this run is a part of (`PUSHBACK_DEPLOY`); 78 when it is no deployment's name.
    pub fn deploy(&self) -> Result<Option<DeployId>, Failure> {
        let parse =
            |id: &String| id.parse().map_err(|wrong| Failure::new(Exit::SETTINGS, format!("PUSHBACK_DEPLOY: {wrong}")));
        self.record.deploy.as_ref().map(parse).transpose()
    }

    /// The step of the pipeline that this run is (`PUSHBACK_STEP`).
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        self.record.step.as_deref()
    }

    /// This run appends a record named `command`, and proves now that it can.
    pub fn records(&mut self, command: &str) -> Result<(), Failure> {
        self.record.command = Some(command.to_owned());
        self.journals = true;
        self.opens_journal()
    }

    /// This run changes something: from here on a result that cannot be delivered is a warning, not a failure.
    pub fn changes(&mut self) {
        self.changes = true;
    }

    /// Proves that [`Context::append`] will work, for a tool whose run as a whole is no record.
    pub fn opens_journal(&mut self) -> Result<(), Failure> {
        self.changes();
        // First of all: a journal made in somebody else's environment would be one that its owner cannot write.
        if self.settings.get("DEPLOY_ROOT").is_some() {
            self.root()?;
        }
        self.journal = match history::journal_path(&self.settings) {
            Some(path) => Some(Journal::open(&path)?),
            None => None,
        };
        Ok(())
    }

    /// Announces a change that is about to be made, so that a kill from here on is noticed. Nothing is changed that
    /// could not be announced, with one exception: the way back stays open on a full disk.
    pub fn begins(&mut self, details: Map<String, Value>) -> Result<(), Failure> {
        let mut record = self.record.clone();
        record.phase = Some(BEGIN.to_owned());
        record.details.extend(details);
        match self.append(&record) {
            Err(failure) if self.is_going_back() => {
                self.warn(&format!("{}; going back all the same", failure.message));
                Ok(())
            }
            announced => announced,
        }
    }

    /// Whether this run is `rollback` or a part of it.
    #[must_use]
    pub fn is_going_back(&self) -> bool {
        self.name == "rollback" || self.record.parent.as_deref() == Some("rollback")
    }

    /// Appends a record of the tool's own making.
    pub fn append(&self, record: &Record) -> Result<(), Failure> {
        self.journal.as_ref().map_or(Ok(()), |journal| journal.append(record))
    }

    /// A record with what this run knows: for [`Context::append`].
    #[must_use]
    pub fn blank(&self, command: &str) -> Record {
        let mut record = Record::new(self.name);
        record.command = Some(command.to_owned());
        record.env.clone_from(&self.record.env);
        record
    }

    /// The same of something that is done once the record is appended.
    #[must_use]
    pub fn blank_done(&self, command: &str) -> Record {
        let mut record = self.blank(command);
        record.conclude(Exit::DONE);
        record
    }

    /// Puts the deployment into the record, for a tool that learns it from its arguments.
    pub fn is_about(&mut self, deploy: &DeployId) {
        self.record.deploy = Some(deploy.to_string());
    }

    /// Puts the release and its commit into the record.
    pub fn concerns(&mut self, release: &impl ToString, commit: Option<&str>) {
        self.record.release = Some(release.to_string());
        self.record.commit = commit.map(str::to_owned);
    }

    /// Adds to the record's details.
    pub fn detail(&mut self, key: &str, value: impl Into<Value>) {
        self.record.details.insert(key.to_owned(), value.into());
    }

    /// The step has nothing to do, and why: recorded, said, and 0.
    pub fn skip(&mut self, reason: &str) -> Outcome {
        self.detail("skipped", reason);
        self.say(&format!("{}: skipped", voice::clean_line(reason)));
        Outcome::done("")
    }

    /// Another tool of the family, as a child of this one: it reads the same settings, holds the same lock, talks to
    /// the same stderr, and names this tool as its parent. When this tool is killed alone, it is ended before the next
    /// one begins. Outside of an environment there is no lock, and nowhere to note what is to be ended.
    pub fn tool<'a>(&self, name: &str, lock: impl Into<Option<&'a Lock>>) -> Result<Program, Failure> {
        let mut tool = Program::tool(name)?.env("PUSHBACK_PARENT", self.name).stderr(Sink::Stderr);
        if let Some(lock) = lock.into() {
            tool = tool.noted_in(&self.root()?.commands()).stdin(lock.for_child()?);
        }
        for (variable, value) in [("PUSHBACK_DEPLOY", &self.record.deploy), ("PUSHBACK_STEP", &self.record.step)] {
            if let Some(value) = value {
                tool = tool.env(variable, value);
            }
        }
        Ok(match self.settings.file() {
            Some(file) => tool.env("PUSHBACK_ENV", file),
            None => tool,
        })
    }

    /// Appends the record, prints the result, and says how the tool ends.
    pub(crate) fn finish(mut self, result: Result<Outcome, Failure>) -> Exit {
        let Outcome { exit, text, failure } = result.unwrap_or_else(|failure| Outcome::failed(failure, ""));
        if let Some(failure) = &failure {
            self.record.error = Some(ErrorPart::from(failure));
            voice::complain(self.name, failure);
        }
        // The end of a deployment is believed only when a record explains it. So a step that failed is told also when
        // the tool never got as far as to announce a record.
        let step = self.record.deploy.is_some() && self.record.step.is_some();
        if step && exit != Exit::DONE && !self.journals {
            self.journals = self.opens_journal().is_ok();
        }
        self.record.conclude(exit);
        self.record.duration_ms = clock::milliseconds(self.began.elapsed());
        if self.journals
            && let Err(failure) = self.append(&self.record)
        {
            self.warn(&format!("{}; the work itself is done as told", failure.message));
        }
        let result = if self.json { self.record.to_line() } else { voice::clean(&text) };
        match voice::result(&result) {
            Ok(()) => exit,
            Err(error) => self.undelivered(exit, &Failure::io("write the result to stdout", &error)),
        }
    }

    /// A result that nobody got: the failure of a tool that only reads, a warning from one that has changed something.
    fn undelivered(&self, exit: Exit, failure: &Failure) -> Exit {
        if self.changes || exit != Exit::DONE {
            self.warn(&failure.message);
            exit
        } else {
            voice::complain(self.name, failure);
            Exit::IO
        }
    }
}

/// What a child of ours meant by its exit code, when it is not for us to judge: its own code and last words.
#[must_use]
pub fn speak_for(name: &str, ended: &Ended) -> Failure {
    let exit = match ended.status {
        Status::Exit(code) => Exit::of_child(code),
        Status::Signal(signal) => Exit::signal(signal),
        Status::Deadline => Exit::DEADLINE,
    };
    Failure::new(exit, format!("{name} {}", ended.status.spell()))
}
