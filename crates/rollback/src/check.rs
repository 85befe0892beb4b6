//! The way back, proven before it is needed: where it leads, that it is whole, and how long it takes. Nothing is
//! touched, recorded or locked.

use kit::history::{History, journal_path};
use kit::journal::{Journal, Record};
use kit::root::{ReleaseName, Root};
use kit::{Context, Exit, Failure, Outcome, question, voice};
use serde_json::Value;

use crate::pace::Pace;

pub(crate) fn check(cx: &mut Context) -> Result<Outcome, Failure> {
    let root = cx.root()?;
    let (history, live) = (cx.history()?, root.live()?);
    let Some(live) = live else {
        tell(None, None, &Pace::default(), &[], cx);
        return Ok(Outcome::done("nothing is live yet: a first deployment has nothing to go back to"));
    };
    let pace = Pace::measure(&history);
    let Some(to) = history.way_back(&live, u64::MAX) else {
        let problem = format!("{live} is live and marked bad, and no verified release is left to go back to");
        tell(None, None, &pace, std::slice::from_ref(&problem), cx);
        return Err(Failure::new(Exit::NO, problem));
    };
    let commit = root.revision(&to).ok();
    let problems = problems(&to, &root, &history, cx);
    tell(Some(&to), commit, &pace, &problems, cx);
    if problems.is_empty() {
        Ok(Outcome::done(format!("back to {to}{}", pace.spell())))
    } else {
        Err(Failure::new(Exit::NO, format!("the way back to {to} is broken: {}", problems.join("; "))))
    }
}

/// What would keep a rollback from getting there, each in a sentence and told once.
fn problems(to: &ReleaseName, root: &Root, history: &History, cx: &Context) -> Vec<String> {
    let release = to.to_string();
    let going = [("PUSHBACK_RELEASE", release.as_str()), ("PUSHBACK_STEP", "rollback")];
    let found = [
        journal(cx),
        revision(to, root, history),
        answer("release", &["activate", "--dry-run", &release], &[], cx),
        answer("smoke-test", &["--setting", "SMOKE_CHECKS", "--dry-run"], &going, cx),
    ];
    let mut problems = Vec::new();
    for problem in found.into_iter().filter_map(Result::err).map(|failure| voice::clean_line(&failure.message)) {
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }
    problems
}

/// A rollback refuses to begin when it cannot open the journal. One that is not there yet would be made; not here.
fn journal(cx: &Context) -> Result<(), Failure> {
    match journal_path(&cx.settings).filter(|path| path.exists()) {
        Some(path) => Journal::open(&path).map(drop),
        None => Ok(()),
    }
}

/// The release holds the commit that its name and its deployment tell.
fn revision(to: &ReleaseName, root: &Root, history: &History) -> Result<(), Failure> {
    let revision = root.revision(to)?;
    let deployment = history.deployments.iter().rfind(|deployment| deployment.release.as_ref() == Some(to));
    let told = deployment.is_none_or(|deployment| deployment.commit == revision);
    if told && *to == ReleaseName::new(to.number(), &revision) {
        return Ok(());
    }
    let message = format!("REVISION in {} holds {revision}, which is not its commit", root.release(to).display());
    Err(Failure::new(Exit::DAMAGED, message))
}

/// A tool that the rollback will call, asked whether it could.
fn answer(tool: &str, args: &[&str], env: &[(&str, &str)], cx: &Context) -> Result<(), Failure> {
    let record = question::ask(cx, tool, args, env, question::DEADLINE)?;
    match record {
        Record { exit_code: Some(0), .. } => Ok(()),
        Record { error: Some(error), .. } => Err(Failure::new(Exit::NO, error.message)),
        _ => Err(Failure::new(Exit::NO, format!("{tool} did not say why it failed"))),
    }
}

fn tell(to: Option<&ReleaseName>, commit: Option<String>, pace: &Pace, problems: &[String], cx: &mut Context) {
    cx.detail("to", to.map(ToString::to_string));
    cx.detail("commit", commit);
    cx.detail("expected_ms", pace.expected_ms);
    cx.detail("measured", pace.measured);
    cx.detail("problems", problems.iter().cloned().map(Value::from).collect::<Vec<_>>());
}
