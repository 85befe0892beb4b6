//! What every tool does around its work: arguments and settings in, one record, one result and one exit code out.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Instant;

use clap::builder::Resettable;
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory, FromArgMatches};
use serde_json::{Map, Value};

use crate::exit::Exit;
use crate::failure::{Attempt, Failure};
use crate::history::{self, History};
use crate::journal::{BEGIN, ErrorPart, Journal, Record};
use crate::lock::Lock;
use crate::man;
use crate::process::{Ended, Program, Sink};
use crate::root::{DeployId, Root};
use crate::settings::Settings;
use crate::{signal, voice};

/// What a tool is, beyond its arguments.
#[derive(Debug)]
pub struct Tool {
    /// The name of the binary.
    pub name: &'static str,
    /// Its exit codes and what each means here; those that every tool has are added.
    pub exits: &'static [(Exit, &'static str)],
    /// Commands to copy, and what each does.
    pub examples: &'static [(&'static str, &'static str)],
}

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
        Self {
            exit,
            text: text.into(),
            failure: None,
        }
    }

    /// A failure told as any other, of a tool that has a result nevertheless; `text` goes to stdout all the same.
    pub fn failed(failure: Failure, text: impl Into<String>) -> Self {
        Self {
            exit: failure.exit,
            text: text.into(),
            failure: Some(failure),
        }
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
    began: Instant,
}

impl Context {
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
        let parse = |id: &String| {
            id.parse()
                .map_err(|wrong| Failure::new(Exit::SETTINGS, format!("PUSHBACK_DEPLOY: {wrong}")))
        };
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

    /// Proves that [`Context::append`] will work, for a tool whose run as a whole is no record.
    pub fn opens_journal(&mut self) -> Result<(), Failure> {
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
        self.say(&format!("{reason}: skipped"));
        Outcome::done("")
    }

    /// Another tool of the family, as a child of this one: it reads the same settings, holds the same lock, talks to
    /// the same stderr, and names this tool as its parent.
    pub fn tool(&self, name: &str, lock: &Lock) -> Result<Program, Failure> {
        let mut tool = Program::tool(name)?
            .env("PUSHBACK_PARENT", self.name)
            .stdin(lock.for_child()?)
            .stderr(Sink::Stderr);
        for (variable, value) in [
            ("PUSHBACK_DEPLOY", &self.record.deploy),
            ("PUSHBACK_STEP", &self.record.step),
        ] {
            if let Some(value) = value {
                tool = tool.env(variable, value);
            }
        }
        Ok(match self.settings.file() {
            Some(file) => tool.env("PUSHBACK_ENV", file),
            None => tool,
        })
    }

    fn finish(mut self, result: Result<Outcome, Failure>) -> Exit {
        let Outcome { exit, text, failure } = result.unwrap_or_else(|failure| Outcome::failed(failure, ""));
        if let Some(failure) = &failure {
            self.record.error = Some(ErrorPart::from(failure));
            complain(self.name, failure);
        }
        // The end of a deployment is believed only when a record explains it. So a step that failed is told also when
        // the tool never got as far as to announce a record.
        let step = self.record.deploy.is_some() && self.record.step.is_some();
        if step && exit != Exit::DONE && !self.journals {
            self.journals = self.opens_journal().is_ok();
        }
        self.record.conclude(exit);
        self.record.duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.journals
            && let Err(failure) = self.append(&self.record)
        {
            self.warn(&format!("{}; the work itself is done as told", failure.message));
        }
        let result = if self.json { self.record.to_line() } else { text };
        match voice::result(&result) {
            Ok(()) => exit,
            Err(error) => self.undelivered(exit, &Failure::io("write the result to stdout", &error)),
        }
    }

    /// A result that nobody got: the failure of a tool that only reads, a warning from one that has changed something.
    fn undelivered(&self, exit: Exit, failure: &Failure) -> Exit {
        if self.journals || exit != Exit::DONE {
            self.warn(&failure.message);
            exit
        } else {
            complain(self.name, failure);
            Exit::IO
        }
    }
}

/// What a child of ours meant by its exit code, when it is not for us to judge: its own code and last words.
#[must_use]
pub fn speak_for(name: &str, ended: &Ended) -> Failure {
    let exit = match ended.status {
        crate::process::Status::Exit(code) => Exit::of_child(code),
        crate::process::Status::Signal(signal) => Exit::signal(signal),
        crate::process::Status::Deadline => Exit::DEADLINE,
    };
    Failure::new(exit, format!("{name} {}", ended.status.spell()))
}

/// Runs a tool: the only place that turns anything into an exit status.
pub fn main<A: CommandFactory + FromArgMatches>(
    tool: &Tool,
    run: fn(&A, &mut Context) -> Result<Outcome, Failure>,
) -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let exit = match prepare::<A>(tool, &args) {
        Ok(Ready::Run(args, mut context)) => {
            let result = args.and_then(|args| run(&args, &mut context));
            context.finish(result)
        }
        Ok(Ready::Print(text)) => match voice::result(&text) {
            Ok(()) => Exit::DONE,
            Err(error) => refuse(tool, &args, &Failure::io("write to stdout", &error)),
        },
        Err(failure) => refuse(tool, &args, &failure),
    };
    ExitCode::from(exit.code())
}

/// A failure before there was a context: the same sentence, the same JSON, no record.
fn refuse(tool: &Tool, args: &[OsString], failure: &Failure) -> Exit {
    complain(tool.name, failure);
    // What comes after `--` is a command's, not ours.
    if args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json") {
        let mut record = Record::new(tool.name);
        record.error = Some(ErrorPart::from(failure));
        record.conclude(failure.exit);
        drop(voice::result(&record.to_line()));
    }
    failure.exit
}

fn complain(name: &str, failure: &Failure) {
    voice::say(name, &failure.message);
    if let Some(hint) = &failure.hint {
        voice::line(&format!("hint: {hint}"));
    }
}

enum Ready<A> {
    Run(Result<A, Failure>, Box<Context>),
    Print(String),
}

fn prepare<A: CommandFactory + FromArgMatches>(tool: &Tool, args: &[OsString]) -> Result<Ready<A>, Failure> {
    let command = command(tool, A::command());
    if let [_, flag, what] = args
        && flag == "--generate"
    {
        return generate(tool, command, what).map(Ready::Print);
    }
    // First as typed: a wrong command line is 2, and says where the environment file is.
    let typed = map_commands(command.clone(), &|arg| unless_environment(arg, None));
    let typed = match typed.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            let shown = command.try_get_matches_from(args).err().unwrap_or(error);
            return Ok(Ready::Print(shown.render().to_string()));
        }
        Err(error) => {
            return Err(Failure::new(
                Exit::USAGE,
                sentence(&error) + &supported(&error, addressed(&command, args)),
            ));
        }
    };
    let environment = typed.get_one::<String>("environment").filter(|name| !name.is_empty());
    let settings = Settings::load(environment.map(String::as_str))?;
    // Then with the settings behind the flags: what is wrong now is a setting, 78.
    let set = map_commands(command.clone(), &|arg| {
        let value = arg.get_env().and_then(|name| settings.get(name.to_str()?));
        unless_environment(arg, value)
    });
    let wrong = |error: clap::Error| {
        let setting = setting_behind(&error, addressed(&command, args));
        Failure::new(
            Exit::SETTINGS,
            format!("a setting is wrong: {setting}{}", sentence(&error)),
        )
    };
    let parsed = set
        .try_get_matches_from(args)
        .and_then(|matches| A::from_arg_matches(&matches))
        .map_err(wrong);
    signal::watch()?;
    Ok(Ready::Run(parsed, Box::new(context(tool, &typed, settings)?)))
}

fn context(tool: &Tool, matches: &clap::ArgMatches, settings: Settings) -> Result<Context, Failure> {
    let mut record = Record::new(tool.name);
    record.env = settings.get("DEPLOY_ENV");
    if let Some(name) = record.env.as_deref().filter(|name| !crate::root::is_environment(name)) {
        let message = format!(
            "DEPLOY_ENV is {name:?}; it may hold letters, digits, `-` and `_`, and begins with a letter or digit"
        );
        return Err(Failure::new(Exit::SETTINGS, message));
    }
    record.deploy = settings.get("PUSHBACK_DEPLOY");
    record.step = settings.get("PUSHBACK_STEP");
    record.parent = settings.get("PUSHBACK_PARENT");
    Ok(Context {
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
        began: Instant::now(),
    })
}

/// The tool's own arguments, those that every tool has, and the end of its help.
fn command(tool: &Tool, own: Command) -> Command {
    let epilogue = man::epilogue(tool);
    let common = [
        Arg::new("environment")
            .short('e')
            .long("environment")
            .value_name("ENV")
            .env("PUSHBACK_ENV")
            .help("Environment file: a path, or a NAME for /etc/pushback/NAME.env"),
        Arg::new("json")
            .long("json")
            .action(ArgAction::SetTrue)
            .help("Print exactly one JSON object"),
        Arg::new("quiet")
            .short('q')
            .long("quiet")
            .action(ArgAction::SetTrue)
            .help("Say only what is wrong"),
        Arg::new("verbose")
            .short('v')
            .long("verbose")
            .action(ArgAction::SetTrue)
            .help("Say more"),
    ];
    let command = own
        .name(tool.name)
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(epilogue)
        .max_term_width(100);
    let command = command.args(common.map(|arg| arg.global(true).help_heading("Common options")));
    map_commands(command, &|arg| arg.hide_env_values(true))
}

/// Applies `change` to the arguments of a command and of its subcommands.
fn map_commands(command: Command, change: &dyn Fn(Arg) -> Arg) -> Command {
    command
        .mut_args(change)
        .mut_subcommands(|one| map_commands(one, change))
}

/// Feeds an argument from the settings instead of from the environment, which clap would let win over the file. An
/// empty setting is one that is not set. `-e` itself can only come from the environment.
fn unless_environment(arg: Arg, value: Option<String>) -> Arg {
    if arg.get_id() == "environment" || arg.get_env().is_none() {
        return arg;
    }
    let arg = arg.env(Resettable::Reset);
    match value {
        Some(value) => arg.default_value(value).hide_default_value(true),
        None => arg,
    }
}

fn generate(tool: &Tool, command: Command, what: &OsString) -> Result<String, Failure> {
    if what != "man" {
        return Err(Failure::new(
            Exit::USAGE,
            format!("cannot generate {}; supported: man", what.display()),
        ));
    }
    man::page(tool, command).attempt("write the man page")
}

/// The command or subcommand that a command line is for.
fn addressed<'a>(command: &'a Command, args: &[OsString]) -> &'a Command {
    args.iter()
        .fold(command, |command, arg| command.find_subcommand(arg).unwrap_or(command))
}

/// What a tool takes, for somebody who asked for something that it does not have, or not yet.
fn supported(error: &clap::Error, command: &Command) -> String {
    let names: Vec<String> = match error.kind() {
        ErrorKind::UnknownArgument => {
            let own = command.get_arguments().filter(|arg| !arg.is_global_set());
            own.filter_map(|arg| arg.get_long().map(|name| format!("--{name}")))
                .collect()
        }
        ErrorKind::InvalidSubcommand => command.get_subcommands().map(|one| one.get_name().to_owned()).collect(),
        _ => Vec::new(),
    };
    if names.is_empty() {
        String::new()
    } else {
        format!("; supported: {}", names.join(", "))
    }
}

/// The name of the setting whose value clap refuses as an option's, with a colon; nothing when clap names no option.
fn setting_behind(error: &clap::Error, command: &Command) -> String {
    let refused = error
        .get(ContextKind::InvalidArg)
        .map(ToString::to_string)
        .unwrap_or_default();
    let option = refused.split(' ').next().and_then(|word| word.strip_prefix("--"));
    let arg = command
        .get_arguments()
        .find(|arg| option.is_some() && arg.get_long() == option);
    let name = arg.and_then(Arg::get_env);
    name.map(|name| format!("{}: ", name.display())).unwrap_or_default()
}

/// clap's message without its `error: ` in front and its usage lines behind: one sentence, and what was allowed.
fn sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
