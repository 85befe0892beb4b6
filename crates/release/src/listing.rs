//! What is live, and what lies on disk.

use kit::root::ReleaseName;
use kit::{Context, Exit, Failure, Outcome};
use serde_json::json;

/// The shortest piece of a commit that names it: what a release's name holds.
const SHORTEST: usize = 7;

pub(crate) fn current(is: Option<&str>, cx: &mut Context) -> Result<Outcome, Failure> {
    let root = cx.root()?;
    let live = root.live()?;
    if let Some(commit) = is {
        return answer(commit, live, cx);
    }
    let Some(live) = live else {
        return Err(Failure::new(Exit::ABSENT, format!("nothing is live in {}", root.path().display())));
    };
    let commit = root.revision(&live)?;
    cx.concerns(&live, Some(&commit));
    cx.detail("verified", cx.history()?.is_good(&live));
    Ok(Outcome::done(live.to_string()))
}

fn answer(commit: &str, live: Option<ReleaseName>, cx: &mut Context) -> Result<Outcome, Failure> {
    if commit.len() < SHORTEST || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
        let message = format!("{commit:?} is not a commit: seven hexadecimal digits or more");
        return Err(Failure::new(Exit::USAGE, message));
    }
    let Some(live) = live else {
        return Ok(Outcome::no(""));
    };
    let there = cx.root()?.revision(&live)?;
    cx.concerns(&live, Some(&there));
    let history = cx.history()?;
    if there.starts_with(&commit.to_lowercase()) && history.is_good(&live) && history.passed_last(&live) {
        cx.say(&format!("{commit} is live and verified, as {live}"));
        Ok(Outcome::done(""))
    } else {
        Ok(Outcome::no(""))
    }
}

pub(crate) fn list(cx: &mut Context) -> Result<Outcome, Failure> {
    let root = cx.root()?;
    let live = root.live()?;
    let history = cx.history()?;
    let mut lines = Vec::new();
    let mut releases = Vec::new();
    for release in root.staged()? {
        let verdict = match () {
            () if history.is_bad(&release) => "bad",
            () if history.is_good(&release) => "verified",
            () => "unverified",
        };
        let is_live = live.as_ref() == Some(&release);
        releases.push(json!({"release": release.to_string(), "verdict": verdict, "live": is_live}));
        lines.push(format!("{release}  {verdict}{}", if is_live { "  live" } else { "" }));
    }
    cx.detail("releases", releases);
    Ok(Outcome::done(lines.join("\n")))
}
