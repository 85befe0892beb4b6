//! deployment-report: what a deployment did, told from the journal alone; it says "live and verified" only of a
//! release whose smoke test the journal shows to have passed.

mod args;
mod markdown;
mod report;

use std::fs::File;
use std::io::{self, BufReader};
use std::process::ExitCode;

use kit::failure::Attempt;
use kit::history::{Deployment, History};
use kit::journal::Lines;
use kit::{Context, Exit, Failure, Outcome, Tool, journal, voice};

use crate::args::{Args, Format};
use crate::report::Report;

const TOOL: Tool = Tool {
    name: "deployment-report",
    exits: &[(Exit::DONE, "the report is on stdout"), (Exit::ABSENT, "there is no such deployment, or none at all")],
    examples: &[
        ("deployment-report -e prod", "Report the last deployment"),
        ("deployment-report -e prod prod-42 --format json", "Report one deployment for a program"),
        (
            "deployment-report -e prod --format markdown",
            "Report the last deployment in an issue, a merge request or a mail",
        ),
        (
            "ssh deploy@host cat prod/journal.ndjson | deployment-report --journal -",
            "Report from another machine's journal",
        ),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    let history = match args.journal.as_deref() {
        None if kit::history::journal_path(&cx.settings).is_none() => {
            cx.settings.require("DEPLOY_ROOT").map(|_| History::default())?
        }
        None => cx.history()?,
        Some("-") => History::from_lines(journal::read_from(io::stdin().lock()).attempt("read the journal on stdin")?),
        Some(path) => History::from_lines(read(path)?),
    };
    let report = Report::of(find(args, &history, cx)?, args.outcome);
    cx.detail("report", report.to_json());
    cx.detail("unreadable_lines", history.unreadable);
    if history.unreadable > 0 {
        cx.warn(&format!("{} lines of the journal could not be read", history.unreadable));
    }
    Ok(Outcome::done(match args.format {
        Format::Text => report.to_text(),
        Format::Markdown => markdown::page(&report),
        Format::Json => voice::clean_json(&format!("{:#}", report.to_json())),
    }))
}

/// A journal from elsewhere, which may also come through a pipe that has a name. One that is not there is empty.
fn read(path: &str) -> Result<Lines, Failure> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Lines::default()),
        opened => opened
            .and_then(|file| journal::read_from(BufReader::new(file)))
            .attempt(format_args!("read the journal {path}")),
    }
}

/// The deployment that was named, the one that this run is a part of, or the last one.
fn find<'a>(args: &Args, history: &'a History, cx: &Context) -> Result<&'a Deployment, Failure> {
    let found = match args.deployment.clone().or(cx.deploy()?) {
        Some(id) => history.deployment(&id).ok_or_else(|| format!("the journal knows no deployment {id}")),
        None => history.deployments.last().ok_or_else(|| "the journal knows no deployment".to_owned()),
    };
    found.map_err(|message| Failure::new(Exit::ABSENT, message).hint("deploy-queue log lists the deployments"))
}
