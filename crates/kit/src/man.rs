//! What `--help` and the man page say beyond the flags: exit status and examples, from the same table.

use std::fmt::Write as _;
use std::io;

use clap::Command;
use clap_mangen::roff::{Roff, bold, roman};

use crate::exit::Exit;
use crate::tool::Tool;

/// When this version's pages were last changed; mandoc wants ISO 8601.
const DATE: &str = "2026-11-21";

/// The end of `--help`.
pub(crate) fn epilogue(tool: &Tool) -> String {
    let mut text = String::from("Exit status:\n");
    for (code, meaning) in statuses(tool) {
        // Writing to a String does not fail.
        writeln!(text, "  {code:<5}  {meaning}").ok();
    }
    text.push_str("\nExamples:\n");
    for (command, meaning) in tool.examples {
        writeln!(text, "  {command}\n      {meaning}").ok();
    }
    text
}

/// The man page, section 1.
pub(crate) fn page(tool: &Tool, command: Command) -> io::Result<String> {
    // The sections below say what the epilogue of --help says.
    let command = command.after_help(None::<&str>).after_long_help(None::<&str>);
    let commands: Vec<Command> = command.get_subcommands().cloned().collect();
    let man = clap_mangen::Man::new(command).section("1").source("pushback").manual("pushback").date(DATE);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for command in commands {
        page.extend(section(command)?);
    }
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in statuses(tool) {
        roff.control("TP", ["8"]);
        roff.text([bold(code)]);
        roff.text([roman(meaning)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (command, meaning) in tool.examples {
        roff.control("TP", []);
        roff.text([bold(*command)]);
        roff.text([roman(*meaning)]);
    }
    roff.to_writer(&mut page)?;
    man.render_version_section(&mut page)?;
    // clap_mangen writes an empty line between two breaks, which mandoc calls a mistake; this is the same paragraph.
    Ok(String::from_utf8_lossy(&page).replace("\n.br\n\n.br\n", "\n.sp\n"))
}

/// A subcommand as a section of its tool's page: there is one page a tool.
fn section(command: Command) -> io::Result<Vec<u8>> {
    let name = format!("The command {}", command.get_name());
    let man = clap_mangen::Man::new(command.disable_help_flag(true));
    let mut roff = Roff::new();
    roff.control("SH", [name.to_uppercase().as_str()]);
    let mut section = Vec::new();
    roff.to_writer(&mut section)?;
    let mut body = Vec::new();
    man.render_synopsis_section(&mut body)?;
    man.render_description_section(&mut body)?;
    man.render_options_section(&mut body)?;
    section.extend(String::from_utf8_lossy(&body).replace(".SH ", ".SS ").into_bytes());
    Ok(section)
}

/// The tool's own codes, and those that every tool has.
fn statuses(tool: &Tool) -> Vec<(String, String)> {
    let mut rows: Vec<(u8, String)> =
        tool.exits.iter().map(|(exit, meaning)| (exit.code(), (*meaning).to_owned())).collect();
    for common in [Exit::DONE, Exit::USAGE, Exit::IO, Exit::NOT_PERMITTED, Exit::SETTINGS, Exit::BUG] {
        if rows.iter().all(|(code, _)| *code != common.code()) {
            rows.push((common.code(), common.meaning().to_owned()));
        }
    }
    rows.sort_unstable();
    let mut rows: Vec<(String, String)> = rows.into_iter().map(|(code, meaning)| (code.to_string(), meaning)).collect();
    rows.push(("128+n".to_owned(), "ended by signal n".to_owned()));
    rows
}
