//! Whether what is live works: the answer of its smoke test, asked now or as it was recorded last.

use kit::clock::{Time, rfc3339};
use kit::history::History;
use kit::journal::{ErrorPart, Record};
use kit::settings::Settings;
use kit::{Exit, Failure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::live::Live;
use crate::question::{Asker, details, failure};

const TOOL: &str = "smoke-test";
const NO_TEST: &str = "no smoke test is set";

/// What the smoke test says.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) verdict: Verdict,
    pub(crate) checks: Vec<Check>,
    /// When the checks were made, if they were not made now.
    pub(crate) recorded_at: Option<Time>,
}

/// The answer of all checks together.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Every check passes, or only warns.
    Healthy,
    /// A check fails, as the sentence says.
    Unhealthy(Failure),
    /// It could not be found out, with the code that says why.
    Unknown(Failure),
    /// There was nothing to ask, and why.
    None(&'static str),
}

/// One check, as `smoke-test` tells it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) verdict: String,
    pub(crate) message: String,
    #[serde(flatten)]
    more: Map<String, Value>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    checks: Vec<Check>,
    skipped: Option<String>,
}

impl Health {
    /// Asks the smoke test of the live release, once, with nothing recorded.
    pub(crate) fn ask(asker: &Asker<'_>) -> Self {
        let timeout = format!("{}ms", asker.timeout.as_millis());
        let args = ["--setting", "SMOKE_CHECKS", "--attempts", "1", "--no-record", "--deadline", &timeout];
        match asker.record(TOOL, &args) {
            Ok(record) => Self::told(record, None),
            Err(failure) => Verdict::Unknown(failure).into(),
        }
    }

    /// Takes the answer that was recorded last.
    pub(crate) fn recall(live: &Live, history: &History, settings: &Settings) -> Self {
        if settings.get("SMOKE_CHECKS").or_else(|| settings.get("API_URL")).is_none() {
            return Verdict::None(NO_TEST).into();
        }
        if let Some(record) = last_test(&live.release.to_string(), history) {
            return Self::told(record.clone(), Some(record.started_at));
        }
        let nothing = Failure::new(Exit::IO, format!("no smoke test of {} is recorded", live.release));
        Verdict::Unknown(nothing.hint("without --no-check it is asked now")).into()
    }

    fn told(record: Record, recorded_at: Option<Time>) -> Self {
        let (code, failure) = (record.exit_code, failure(TOOL, &record));
        let Details { checks, skipped } = match details(TOOL, record) {
            Ok(details) => details,
            Err(failure) => return Verdict::Unknown(failure).into(),
        };
        let verdict = match code {
            Some(0) if skipped.is_some() => Verdict::None(NO_TEST),
            Some(0) => Verdict::Healthy,
            Some(1) => Verdict::Unhealthy(failure),
            _ => Verdict::Unknown(failure),
        };
        Self { verdict, checks, recorded_at }
    }

    pub(crate) fn to_json(&self) -> Value {
        let (verdict, error) = match &self.verdict {
            Verdict::Healthy => ("healthy", None),
            Verdict::Unhealthy(failure) => ("unhealthy", Some(ErrorPart::from(failure))),
            Verdict::Unknown(failure) => ("unknown", Some(ErrorPart::from(failure))),
            Verdict::None(_) => ("none", None),
        };
        json!({"verdict": verdict, "recorded_at": self.recorded_at.map(rfc3339), "checks": self.checks, "error": error})
    }
}

impl From<Verdict> for Health {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, checks: Vec::new(), recorded_at: None }
    }
}

/// The last smoke test of a release.
fn last_test<'a>(release: &str, history: &'a History) -> Option<&'a Record> {
    let of_release = |record: &&Record| record.release.as_deref() == Some(release);
    history.records.iter().filter(of_release).rfind(|record| is_test_of_what_is_live(record))
}

/// Whether it is a smoke test of a release that was live: the pipeline's, a rollback's, or one by hand, which is told
/// from a preflight by the commit that it expected.
pub(crate) fn is_test_of_what_is_live(record: &Record) -> bool {
    let after_a_switch = match record.step.as_deref() {
        Some(step) => matches!(step, "smoke" | "rollback"),
        None => record.details.contains_key("expected_commit"),
    };
    record.is(TOOL, "check") && after_a_switch
}
