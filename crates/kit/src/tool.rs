//! What every tool does around its work: arguments and settings in, one record, one result and one exit code out.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory, FromArgMatches};

use crate::command_line::{addressed, command, map_commands, sentence, setting_behind, supported, unless_environment};
use crate::context::{Context, Outcome};
use crate::exit::Exit;
use crate::failure::{Attempt, Failure};
use crate::journal::{ErrorPart, Record};
use crate::settings::Settings;
use crate::{forerunner, man, signal, voice};

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

/// Runs a tool: the only place that turns anything into an exit status.
pub fn main<A: CommandFactory + FromArgMatches>(
    tool: &Tool,
    run: fn(&A, &mut Context) -> Result<Outcome, Failure>,
) -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    if let Some(exit) = forerunner::run(&args) {
        return exit;
    }
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
    voice::complain(tool.name, failure);
    // What comes after `--` is a command's, not ours.
    if args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "--json") {
        let mut record = Record::new(tool.name);
        record.error = Some(ErrorPart::from(failure));
        record.conclude(failure.exit);
        drop(voice::result(&record.to_line()));
    }
    failure.exit
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
            return Err(Failure::new(Exit::USAGE, sentence(&error) + &supported(&error, addressed(&command, args))));
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
        Failure::new(Exit::SETTINGS, format!("a setting is wrong: {setting}{}", sentence(&error)))
    };
    let parsed = set.try_get_matches_from(args).and_then(|matches| A::from_arg_matches(&matches)).map_err(wrong);
    signal::watch()?;
    Ok(Ready::Run(parsed, Box::new(Context::new(tool, &typed, settings)?)))
}

fn generate(tool: &Tool, command: Command, what: &OsString) -> Result<String, Failure> {
    if what != "man" {
        return Err(Failure::new(Exit::USAGE, format!("cannot generate {}; supported: man", what.display())));
    }
    man::page(tool, command).attempt("write the man page")
}
