//! What a run will do, decided before anything is asked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use kit::failure::Attempt;
use kit::settings::duration;
use kit::{Context, Exit, Failure};

use crate::args::Args;
use crate::check::{Check, Defaults, TIMEOUT};
use crate::grammar::secret::redact;
use crate::kind::log;
use crate::log::mark::{self, Mark};
use crate::log::new_lines::{self, Reading};
use crate::source::{Release, Source};
use crate::trial::Conditions;

/// How long an app may take to listen after an activation, unless `STARTUP_WAIT` says.
const STARTUP_WAIT: Duration = Duration::from_secs(10);

/// The checks and what they share.
#[derive(Debug)]
pub(crate) struct Plan {
    /// What the checks are called.
    pub(crate) source: String,
    /// The release that is checked.
    pub(crate) release: Option<String>,
    pub(crate) checks: Arc<Vec<Check>>,
    pub(crate) conditions: Arc<Conditions>,
}

impl Plan {
    /// Reads checks and settings; `None` when the setting that would name the checks is empty.
    pub(crate) fn make(args: &Args, cx: &mut Context) -> Result<Option<Self>, Failure> {
        let source = Source::find(args, cx)?;
        if source == Source::Nothing {
            return Ok(None);
        }
        let release = Release::find(args, cx)?;
        let defaults =
            Defaults { settings: &cx.settings, attempts: args.attempts, interval: args.interval, timeout: TIMEOUT };
        let checks = args.selection.of(source.read(args, release.as_ref(), &defaults)?)?;
        let looks_at_commit = checks.iter().any(|check| check.subject.compares().is_some());
        if args.expect_commit.is_some() && !looks_at_commit {
            let message = format!("{}: no check looks at the commit that answers", source.spell());
            return Err(Failure::new(Exit::SETTINGS, message).hint("add commit = \"json $.commit\" to an http check"));
        }
        let mut conditions = conditions(args, cx, release.as_ref())?;
        if !args.prepare && !args.dry_run {
            conditions.marks = marks(&checks, release.as_ref(), cx)?;
        }
        let release = release.map(|release| release.name.to_string());
        Ok(Some(Self { source: source.spell(), release, checks: Arc::new(checks), conditions: Arc::new(conditions) }))
    }

    /// Notes where the logs end that checks look at, and the app's own.
    pub(crate) fn note_logs(&self, cx: &Context) -> Result<Vec<Mark>, Failure> {
        note_logs(&self.checks, cx)
    }

    /// The end of what the app has logged since the deployment, or the rollback, began; nothing where nobody noted when.
    pub(crate) fn app_said(&self, cx: &Context) -> Option<String> {
        let log = own_log(cx)?;
        let release = self.release.as_deref();
        let marks = mark::find(&cx.history().ok()?, release, cx.is_going_back())?;
        let mark = marks.iter().find(|mark| mark.log == log)?;
        match new_lines::read(Path::new(&log), Some(mark)) {
            Ok(Reading::Lines(lines)) => {
                let secrets = self.checks.first().map(|check| &*check.secrets).unwrap_or_default();
                Some(redact(&lines.end(), secrets)).filter(|end| !end.is_empty())
            }
            _ => None,
        }
    }

    /// One line a check, what it looks at and what it expects.
    pub(crate) fn spell(&self) -> String {
        let width = |text: fn(&Check) -> &str| self.checks.iter().map(|check| text(check).chars().count()).max();
        let (names, kinds) = (width(|check| &check.name), width(|check| check.kind));
        let line = |check: &Check| {
            let mut expected = check.expect.clone();
            if let (Some(place), Some(commit)) = (check.subject.compares(), &self.conditions.expected) {
                expected.push(format!("commit {place} is {}", commit.short()));
            }
            let line = format!(
                "{:names$}  {:kinds$}  {}{}: {}",
                check.name,
                check.kind,
                if check.gate { "(gate) " } else { "" },
                check.subject.spell(),
                expected.join(", "),
                names = names.unwrap_or_default(),
                kinds = kinds.unwrap_or_default(),
            );
            format!("{}\n", kit::voice::clean_line(&line))
        };
        self.checks.iter().map(line).collect()
    }
}

/// Where the logs ended, if a check looks at any. Going back without a mark (on a full disk none can be noted), what is
/// logged from now on counts.
fn marks(checks: &[Check], release: Option<&Release>, cx: &Context) -> Result<Option<Vec<Mark>>, Failure> {
    if checks.iter().all(|check| check.subject.log().is_none()) {
        return Ok(None);
    }
    let name = release.map(|release| release.name.to_string());
    match mark::find(&cx.history()?, name.as_deref(), cx.is_going_back()) {
        None if cx.is_going_back() => note_logs(checks, cx).map(Some),
        found => Ok(found),
    }
}

/// Nothing is linked into a staged release yet: a relative path is one in what is live.
fn note_logs(checks: &[Check], cx: &Context) -> Result<Vec<Mark>, Failure> {
    let root = cx.root()?;
    let live = root.live()?.map(|live| root.release(&live));
    let note = |log: &str| {
        let path = if log.starts_with('/') { Some(log.into()) } else { live.as_ref().map(|live| live.join(log)) };
        Mark::note(log, path.as_deref())
    };
    let own = own_log(cx);
    let mut logs: Vec<&str> = checks.iter().filter_map(|check| check.subject.log()).chain(own.as_deref()).collect();
    logs.sort_unstable();
    logs.dedup();
    logs.into_iter().map(note).collect()
}

/// Where what the app prints goes.
fn own_log(cx: &Context) -> Option<String> {
    Some(log::of_app(&cx.settings.get("DEPLOY_ROOT")?))
}

fn conditions(args: &Args, cx: &Context, release: Option<&Release>) -> Result<Conditions, Failure> {
    // What is live before an activation is the old commit, and rightly so.
    let preflight = args.setting.as_deref() == Some("PREFLIGHT_CHECKS") || cx.step() == Some("preflight");
    let (dir, commit) = match release {
        Some(release) => (release.dir.clone(), Some(release.commit.clone())),
        None => (PathBuf::from("."), None),
    };
    let implicit = commit.as_ref().filter(|_| !preflight).and_then(|commit| commit.parse().ok());
    let expected = args.expect_commit.clone().or(implicit);
    Ok(Conditions {
        began: Instant::now(),
        deadline: args.deadline,
        concurrency: usize::from(args.concurrency),
        startup_wait: startup_wait(args, cx)?,
        dir: std::path::absolute(&dir).attempt_or(Exit::ABSENT, "find the current directory")?,
        commit: commit.or_else(|| args.expect_commit.as_ref().map(ToString::to_string)),
        expected,
        marks: None,
        once: false,
        commands: RwLock::default(),
        judging: Mutex::default(),
    })
}

/// By hand and in preflight an app that does not listen is simply down. A setting that is wrong is found there too.
fn startup_wait(args: &Args, cx: &Context) -> Result<Duration, Failure> {
    let wrong = |sentence| Failure::new(Exit::SETTINGS, format!("STARTUP_WAIT: {sentence}"));
    let setting = cx.settings.get("STARTUP_WAIT").map(|text| duration(&text));
    let setting = setting.transpose().map_err(wrong)?.unwrap_or(STARTUP_WAIT);
    let after_activation = matches!(cx.step(), Some("smoke" | "rollback")) || cx.is_going_back();
    let implicit = if after_activation { setting } else { Duration::ZERO };
    Ok(args.startup_wait.unwrap_or(implicit))
}
