//! The command line: what a tool takes, where a value comes from, and what is said of a wrong one.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, ArgAction, Command};

use crate::man;
use crate::tool::Tool;

/// The tool's own arguments, those that every tool has, and the end of its help.
pub(crate) fn command(tool: &Tool, own: Command) -> Command {
    let epilogue = man::epilogue(tool);
    let common = [
        Arg::new("environment")
            .short('e')
            .long("environment")
            .value_name("ENV")
            .env("PUSHBACK_ENV")
            .help("Environment file: a path, or a NAME for /etc/pushback/NAME.env"),
        Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print exactly one JSON object"),
        Arg::new("quiet").short('q').long("quiet").action(ArgAction::SetTrue).help("Say only what is wrong"),
        Arg::new("verbose").short('v').long("verbose").action(ArgAction::SetTrue).help("Say more"),
    ];
    let command = own.name(tool.name).version(env!("CARGO_PKG_VERSION")).after_help(epilogue).max_term_width(100);
    let command = command.args(common.map(|arg| arg.global(true).help_heading("Common options")));
    map_commands(command, &|arg| arg.hide_env_values(true))
}

/// Applies `change` to the arguments of a command and of its subcommands.
pub(crate) fn map_commands(command: Command, change: &dyn Fn(Arg) -> Arg) -> Command {
    command.mut_args(change).mut_subcommands(|one| map_commands(one, change))
}

/// Feeds an argument from the settings instead of from the environment, which clap would let win over the file. An
/// empty setting is one that is not set. `-e` itself can only come from the environment.
pub(crate) fn unless_environment(arg: Arg, value: Option<String>) -> Arg {
    if arg.get_id() == "environment" || arg.get_env().is_none() {
        return arg;
    }
    let arg = arg.env(Resettable::Reset);
    match value {
        Some(value) => arg.default_value(value).hide_default_value(true),
        None => arg,
    }
}

/// The command or subcommand that a command line is for.
pub(crate) fn addressed<'a>(command: &'a Command, args: &[OsString]) -> &'a Command {
    args.iter().fold(command, |command, arg| command.find_subcommand(arg).unwrap_or(command))
}

/// What a tool takes, for somebody who asked for something that it does not have, or not yet.
pub(crate) fn supported(error: &clap::Error, command: &Command) -> String {
    let names: Vec<String> = match error.kind() {
        ErrorKind::UnknownArgument => {
            let own = command.get_arguments().filter(|arg| !arg.is_global_set());
            own.filter_map(|arg| arg.get_long().map(|name| format!("--{name}"))).collect()
        }
        ErrorKind::InvalidSubcommand => command.get_subcommands().map(|one| one.get_name().to_owned()).collect(),
        _ => Vec::new(),
    };
    if names.is_empty() { String::new() } else { format!("; supported: {}", names.join(", ")) }
}

/// The name of the setting whose value clap refuses as an option's, with a colon; nothing when clap names no option.
pub(crate) fn setting_behind(error: &clap::Error, command: &Command) -> String {
    let refused = error.get(ContextKind::InvalidArg).map(ToString::to_string).unwrap_or_default();
    let option = refused.split(' ').next().and_then(|word| word.strip_prefix("--"));
    let arg = command.get_arguments().find(|arg| option.is_some() && arg.get_long() == option);
    let name = arg.and_then(Arg::get_env);
    name.map(|name| format!("{}: ", name.display())).unwrap_or_default()
}

/// clap's message without its `error: ` in front and its usage lines behind: one sentence, and what was allowed.
pub(crate) fn sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let text = text.split("\n\nUsage:").next().unwrap_or_default();
    let text = text.split("\n\nFor more information").next().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
