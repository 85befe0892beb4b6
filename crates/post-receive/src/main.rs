//! post-receive: what was pushed is submitted and the pusher is told where to look, at once; the deployment itself
//! never runs in the hook.

mod args;
mod config;
mod doctor;
mod install;
mod map;
mod update;

use std::collections::HashMap;
use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use kit::failure::Attempt;
use kit::git::Repository;
use kit::process::{Program, Sink, Status};
use kit::{Context, Exit, Failure, Outcome, Tool, voice};

use crate::args::{Args, Command};
use crate::config::Config;
use crate::update::Update;

const TOOL: Tool = Tool {
    name: "post-receive",
    exits: &[
        (
            Exit::DONE,
            "everything that is mapped was submitted; with `-o wait` also deployed (git does not pass this on); for doctor: \
             all is well",
        ),
        (Exit::NO, "a submission failed, or with `-o wait` a deployment did; for doctor: something is broken"),
        (Exit::DAMAGED, "stdin holds something else than git's `old new ref` lines"),
        (Exit::ABSENT, "for install and doctor: there is no repository"),
        (Exit::UNAVAILABLE, "git or deploy-queue is missing"),
        (Exit::CANNOT_CREATE, "for install: another hook is in the way"),
        (Exit::SETTINGS, "for install: a map or an environment file is wrong, or core.hooksPath leads elsewhere"),
    ],
    examples: &[
        (
            "post-receive install /srv/guestbook/repo.git --map main=/srv/guestbook/prod/deploy.env",
            "Deploy to prod whatever is pushed to main",
        ),
        ("post-receive doctor /srv/guestbook/repo.git", "Say what would keep a push from being deployed, and the fix"),
        ("git push -o wait", "Push, watch the deployment, and see its verdict as the last line"),
        ("git config pushback.follow true", "In the repository: every push waits as if with -o wait"),
    ],
};

fn main() -> ExitCode {
    kit::tool::main(&TOOL, run)
}

fn run(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    if let Some(Command::Install { repository, map }) = &args.command {
        return install::install(repository, map, cx);
    }
    if let Some(Command::Doctor { repository }) = &args.command {
        return doctor::doctor(repository, cx);
    }
    if io::stdin().is_terminal() {
        let failure = Failure::new(Exit::USAGE, "this is a git hook: git runs it after a push");
        return Err(failure.hint("post-receive install REPO --map REF=ENV_FILE sets it up"));
    }
    let mut pushed = Vec::new();
    io::stdin().read_to_end(&mut pushed).attempt("read what was pushed")?;
    let updates = update::parse(&String::from_utf8_lossy(&pushed))?;
    let repository = Repository::at(&std::env::current_dir().attempt("find the repository")?);
    let config = Config::of(&repository)?;
    let mut wanted = Vec::new();
    for update in updates {
        let environments = update.environments(&config);
        if let Some(sentence) = update.remarks(&environments) {
            cx.say(&sentence);
        }
        wanted.extend(environments.into_iter().map(|environment| (environment, update.clone())));
    }
    submit_all(&wanted, asks_to_wait(cx) || config.follows(&repository)?, cx)
}

/// Submits in the order of the push. Who follows, follows the last submission to each environment: it wins.
fn submit_all(wanted: &[(String, Update)], follow: bool, cx: &Context) -> Result<Outcome, Failure> {
    let last: HashMap<&str, usize> =
        wanted.iter().enumerate().map(|(index, (environment, _))| (environment.as_str(), index)).collect();
    let mut all_well = true;
    for (index, (environment, update)) in wanted.iter().enumerate() {
        let follow = follow && last.get(environment.as_str()) == Some(&index);
        all_well &= submit(environment, update, follow, cx)?;
    }
    Ok(if all_well { Outcome::done("") } else { Outcome::no("") })
}

fn submit(environment: &str, update: &Update, follow: bool, cx: &Context) -> Result<bool, Failure> {
    let submit = Program::tool("deploy-queue")?
        .env("PUSHBACK_ENV", environment)
        .args(["submit", "--door=push", &format!("--ref={}", update.reference)])
        .args(follow.then_some("--follow"))
        .args(["--", &update.new])
        .stderr(Sink::Stderr)
        .run()?;
    let text = submit.text();
    if !text.is_empty() {
        cx.warn(&text);
    }
    if !matches!(submit.status, Status::Exit(_)) {
        let reference = voice::clean_line(&update.reference);
        cx.warn(&format!(
            "{reference}: deploy-queue {}; deploy-queue list shows whether it waits",
            submit.status.spell()
        ));
    }
    if submit.status.is_success() && !follow {
        let environment = voice::word(environment);
        cx.say(&format!("its outcome: deploy-queue -e {environment} log; to watch one: git push -o wait"));
    }
    Ok(submit.status.is_success())
}

/// Whether the pusher wants to wait: `git push -o wait`.
fn asks_to_wait(cx: &Context) -> bool {
    let count = cx.settings.get("GIT_PUSH_OPTION_COUNT").and_then(|count| count.parse::<usize>().ok());
    let mut options =
        (0..count.unwrap_or_default()).filter_map(|index| cx.settings.get(&format!("GIT_PUSH_OPTION_{index}")));
    options.any(|option| option == "wait")
}
