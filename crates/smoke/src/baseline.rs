//! What the checks said before a change, so that only what the change broke speaks against it.

use std::path::Path;
use std::time::Duration;

use kit::failure::Attempt;
use kit::{Exit, Failure, clock, files};
use serde_json::{Value, json};

use crate::check::Check;
use crate::content::{is_absent, read_at_most};
use crate::report;
use crate::trial::Trial;
use crate::verdict::Verdict;

/// No such file is longer.
const LIMIT: u64 = 16 << 20;

/// An answer that takes so many times as long as before is worth a word,
const SLOWER: u64 = 2;

/// if that makes so much of a difference.
const NOTICED: Duration = Duration::from_millis(20);

/// What was found then.
#[derive(Debug)]
pub(crate) struct Baseline(Vec<Before>);

/// What was found of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Before {
    name: String,
    kind: String,
    verdict: String,
    latency: Option<u64>,
}

impl Baseline {
    /// What `--record` or `--json` wrote: 66 where there is no such file, 65 for anything else in it.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let doing = format!("read the baseline {}", path.display());
        let file = files::open(path).map_err(|error| {
            if !is_absent(&error) {
                return Failure::io(&doing, &error);
            }
            let missing = Failure::new(Exit::ABSENT, format!("there is no baseline {}", path.display()));
            missing.hint("make one before the change: --record FILE")
        })?;
        if !file.metadata().attempt(&doing)?.is_file() {
            return Err(Failure::io(&doing, &files::irregular()));
        }
        let text = read_at_most(file, LIMIT).attempt(&doing)?;
        let read = serde_json::from_slice::<Value>(&text).ok();
        let checks = read.as_ref().and_then(|read| read.pointer("/details/checks")?.as_array());
        let before: Option<Vec<Before>> = checks.and_then(|checks| checks.iter().map(Before::of).collect());
        before.map(Self).ok_or_else(|| {
            Failure::new(Exit::DAMAGED, format!("{} is no baseline", path.display()))
                .hint("it is what smoke-test --record FILE or --json writes")
        })
    }

    /// Compares: what failed before too only warns. A gate is never excused, because without it nothing was checked.
    pub(crate) fn compare(&self, checks: &[Check], trials: Vec<Trial>) -> Vec<Trial> {
        let beside = |(check, trial): (&Check, Trial)| match self.0.iter().find(|before| before.is_of(check)) {
            Some(before) => before.beside(check, trial),
            None => trial,
        };
        checks.iter().zip(trials).map(beside).collect()
    }
}

impl Before {
    fn of(check: &Value) -> Option<Self> {
        let text = |key: &str| Some(check.get(key)?.as_str()?.to_owned());
        Some(Self {
            name: text("name")?,
            kind: text("kind")?,
            verdict: text("verdict")?,
            latency: check.get("latency_ms").and_then(Value::as_u64),
        })
    }

    /// Whether it was the same check, as far as the record tells.
    fn is_of(&self, check: &Check) -> bool {
        (self.name.as_str(), self.kind.as_str()) == (&check.name, check.kind)
    }

    fn beside(&self, check: &Check, trial: Trial) -> Trial {
        let failed = self.verdict == Verdict::Fail.word();
        let (verdict, note) = match trial.verdict {
            Verdict::Fail if failed && !check.gate => (Verdict::Warn, "; it failed before too".to_owned()),
            Verdict::Pass | Verdict::Flaky if failed => (trial.verdict, "; it failed before".to_owned()),
            Verdict::Pass | Verdict::Flaky => (trial.verdict, self.slower(trial.latency)),
            verdict => (verdict, String::new()),
        };
        let message = format!("{}{note}", trial.message);
        Trial { found: trial.verdict, verdict, message, latency_before: self.latency, ..trial }
    }

    /// A word where it takes much longer than before.
    fn slower(&self, latency: Duration) -> String {
        let now = clock::milliseconds(latency);
        match self.latency {
            Some(before) if now >= before.saturating_mul(SLOWER) && now - before >= clock::milliseconds(NOTICED) => {
                format!("; it took {now} ms, before {before} ms")
            }
            _ => String::new(),
        }
    }
}

/// Keeps what was found for a later comparison, whatever an earlier one has excused.
pub(crate) fn record(path: &Path, checks: &[Check], trials: &[Trial]) -> Result<(), Failure> {
    let trials: Vec<Trial> = trials.iter().map(|trial| Trial { verdict: trial.found, ..trial.clone() }).collect();
    let found = json!({"v": 1, "tool": "smoke-test", "details": {"checks": report::found(checks, &trials)}});
    files::write(path, format!("{found}\n").as_bytes())
}
