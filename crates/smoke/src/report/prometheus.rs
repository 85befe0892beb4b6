//! Metrics in the text format of Prometheus, for the textfile collector of its node exporter: base units, and no time of a
//! sample, which that collector does not take.

use kit::clock;

use crate::args::Inconclusive;
use crate::check::Check;
use crate::report::Ran;
use crate::trial::Trial;
use crate::verdict::{Answer, Verdict};

pub(super) fn write(ran: &Ran<'_>) -> String {
    let each = |value: &dyn Fn(&Check, &Trial) -> String| -> Vec<(String, String)> {
        let made = ran.pairs.iter().filter(|(_, trial)| trial.verdict != Verdict::Skipped);
        made.map(|(check, trial)| (labels(check), value(check, trial))).collect()
    };
    let verdicts = ran
        .pairs
        .iter()
        .map(|(check, trial)| (format!("{},verdict=\"{}\"", labels(check), trial.verdict.word()), "1".to_owned()));
    let alone = |value: String| vec![(String::new(), value)];
    let now = clock::now().timestamp();
    [
        metric("check_verdict", "What became of the check.", verdicts.collect()),
        metric(
            "check_duration_seconds",
            "How long all attempts at the check took.",
            each(&|_, trial| format!("{:.3}", trial.took.as_secs_f64())),
        ),
        metric(
            "check_latency_seconds",
            "How long the last look took.",
            each(&|_, trial| format!("{:.3}", trial.latency.as_secs_f64())),
        ),
        metric("check_attempts", "How many attempts were made.", each(&|_, trial| trial.attempts.to_string())),
        metric(
            "success",
            "Whether no check failed (1), one did (0), or it could not be found out (NaN).",
            alone(match ran.answer {
                Answer::Yes => "1".to_owned(),
                Answer::No => "0".to_owned(),
                Answer::Unknown if ran.inconclusive == Inconclusive::Rollback => "0".to_owned(),
                Answer::Unknown => "NaN".to_owned(),
            }),
        ),
        metric("duration_seconds", "How long all checks took.", alone(format!("{:.3}", ran.took.as_secs_f64()))),
        metric("finished_time_seconds", "When the checks were made, since 1970.", alone(now.to_string())),
    ]
    .concat()
}

/// A metric of this run; one without a sample is left out.
fn metric(name: &str, help: &str, samples: Vec<(String, String)>) -> String {
    if samples.is_empty() {
        return String::new();
    }
    let name = format!("pushback_smoke_{name}");
    let line = |(labels, value): (String, String)| match labels.as_str() {
        "" => format!("{name} {value}\n"),
        labels => format!("{name}{{{labels}}} {value}\n"),
    };
    let samples: String = samples.into_iter().map(line).collect();
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n{samples}")
}

fn labels(check: &Check) -> String {
    format!("check=\"{}\",kind=\"{}\"", escape(&check.name), check.kind)
}

/// A label's value: backslash, quote and new line are escaped.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
