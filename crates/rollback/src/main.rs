//! rollback: back to what was live before, never to a release marked bad; doing it twice changes nothing, and the
//! release that it went back to is smoke-tested.

mod args;
mod check;
mod commit;
mod guard;
mod pace;
#[cfg(test)]
mod properties;
mod target;

use std::process::ExitCode;
use std::time::Duration;

use kit::context::speak_for;
use kit::lock::Lock;
use kit::process::{Sink, Status};
use kit::root::{ReleaseName, Root};
use kit::{Context, Exit, Failure, Outcome, Tool, signal};
use serde_json::{Map, Value};

use crate::args::{Args, What};
use crate::commit::Named;
use crate::target::Plan;

/// How long it may take to note where the logs end.
const NOTING: Duration = Duration::from_secs(30);

const TOOL: Tool = Tool {
    name: "rollback",
    exits: &[
        (
            Exit::DONE,
            "went back and the smoke test passed, or there was nothing to do; for --guard: a deploy may begin; for \
             --check: there is a way back, or nothing is live yet",
        ),
        (
            Exit::NO,
            "went back, but the release fails its smoke test; later deployments stand in the way; that commit is not \
             verified, or bad; for --check: the way back is broken",
        ),
        (Exit::USAGE, "wrong usage, or the digits fit more than one commit"),
        (Exit::DAMAGED, "the release to go back to is damaged"),
        (
            Exit::ABSENT,
            "there is no such deployment, commit or tag, or no release to go back to (undoing a first deployment then \
             stops the app), or it was pruned",
        ),
        (Exit::UNAVAILABLE, "another tool or program is missing"),
        (Exit::BUSY, "somebody else holds the lock; for --guard: a person must look first"),
        (Exit::DEADLINE, "a command that stops, starts or reloads the app took too long"),
    ],
    examples: &[
        ("rollback -e prod --last", "Go back to the verified release before the live one, and mark the live one bad"),
        ("rollback -e prod --deploy prod-42", "Undo a deployment: back to what was live when it began"),
        ("rollback -e prod --to-commit 3f2a1c9", "Go to the newest verified release of a commit"),
        ("rollback -e prod --to-version v1.4 --keep-good", "Go to a tagged commit; nothing is wrong with the live one"),
        ("rollback -e prod --check", "Prove the way back before a deployment: where it leads, and how long it takes"),
        ("rollback -e prod --guard", "Ask whether the loop guard would refuse the next deploy"),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    if args.what.guard {
        return guard::guard(cx);
    }
    if args.what.check {
        return check::check(cx);
    }
    cx.records(args.what.command())?;
    let root = cx.root()?;
    let lock = cx.lock(&root)?;
    let plan = plan(&args.what, &root, cx)?;
    cx.detail("plan", plan.spell());
    match plan {
        Plan::Nothing(why) => Ok(cx.skip(&why)),
        Plan::Stop { from } => {
            announce(from.as_ref(), None, !args.keep_good, cx)?;
            stop(&lock, cx)
        }
        Plan::Back { from, to } => {
            root.revision(&to)
                .map_err(|failure| failure.hint("it was pruned or removed; `release list` shows what is left"))?;
            announce(from.as_ref(), Some(&to), !args.keep_good, cx)?;
            go_back(&to, &lock, cx)
        }
    }
}

fn plan(what: &What, root: &Root, cx: &mut Context) -> Result<Plan, Failure> {
    let (history, live) = (cx.history()?, root.live()?);
    if let Some(id) = &what.deploy {
        cx.is_about(id);
        return target::undo(&history, live, id);
    }
    let tagged = what.to_version.as_ref().map(|tag| Named::of_tag(tag, cx)).transpose()?;
    match tagged.as_ref().or(what.to_commit.as_ref()) {
        Some(commit) => Ok(target::to(&history, live, commit.release(&history, &root.staged()?)?)),
        None => target::last(&history, live),
    }
}

/// The begin in the journal: from here on the release that is left is bad, and a killed rollback is noticed.
fn announce(from: Option<&ReleaseName>, to: Option<&ReleaseName>, bad: bool, cx: &mut Context) -> Result<(), Failure> {
    let name = |release: Option<&ReleaseName>| release.map_or(Value::Null, |release| release.to_string().into());
    cx.detail("from", name(from));
    cx.detail("to", name(to));
    cx.detail("bad", bad);
    cx.begins(Map::new())
}

fn go_back(to: &ReleaseName, lock: &Lock, cx: &mut Context) -> Result<Outcome, Failure> {
    let root = cx.root()?;
    cx.concerns(to, Some(&root.revision(to)?));
    note_logs(to, lock, cx)?;
    cx.say(&format!("going back to {to}"));
    let activated = cx.tool("release", lock)?.args(["activate", &to.to_string()]).run()?;
    if !activated.status.is_success() {
        return Err(speak_for("release activate", &activated));
    }
    let smoke = cx.tool("smoke-test", lock)?.args(["--setting", "SMOKE_CHECKS"]);
    let checked =
        smoke.stdout(Sink::Stderr).env("PUSHBACK_RELEASE", to.to_string()).env("PUSHBACK_STEP", "rollback").run()?;
    match checked.status {
        Status::Exit(0) => Ok(Outcome::done(root.release(to).display().to_string())),
        Status::Exit(1) => {
            let message = format!("{to} is live again, but it fails its smoke test");
            let log = root.logs().join("app.log");
            Err(Failure::new(Exit::NO, message).hint(format!("what the app said: {}", log.display())))
        }
        status => {
            let message = format!("{to} is live again, but it is not known to work: smoke-test {}", status.spell());
            Err(Failure::new(Exit::IO, message).hint("look yourself: smoke-test --setting SMOKE_CHECKS"))
        }
    }
}

/// Notes where the logs end, so that what the release that is left has logged does not speak against the one that comes
/// back. What keeps us from that keeps nobody from going back.
fn note_logs(to: &ReleaseName, lock: &Lock, cx: &Context) -> Result<(), Failure> {
    let noted = cx.tool("smoke-test", lock).and_then(|smoke| {
        let smoke = smoke.args(["-q", "--setting", "SMOKE_CHECKS", "--prepare"]).stdout(Sink::Null).deadline(NOTING);
        // No step of its own: one that fails would be recorded as the failure of this one.
        smoke.env("PUSHBACK_RELEASE", to.to_string()).env("PUSHBACK_STEP", "").run()
    });
    drop(noted);
    signal::check()
}

/// Nothing to go back to: what runs is broken, so it is stopped.
fn stop(lock: &Lock, cx: &mut Context) -> Result<Outcome, Failure> {
    let stopped = cx.tool("release", lock)?.arg("deactivate").run()?;
    if !stopped.status.is_success() {
        return Err(speak_for("there is nothing to go back to, and release deactivate", &stopped));
    }
    let message = "there is no release to go back to: the app is stopped, and nothing is live";
    Err(Failure::new(Exit::ABSENT, message).hint("push a fixed commit"))
}
