//! How long a rollback takes, as the journal measured it.

use kit::clock;
use kit::history::{Deployment, History};
use kit::journal::Record;

/// The median of what was measured.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// `None`: nothing was measured yet.
    pub(crate) expected_ms: Option<u64>,
    /// How many runs that is the median of.
    pub(crate) measured: usize,
    /// Whether those were rollbacks: else activations with their smoke tests, which is what a rollback does too.
    of_rollbacks: bool,
}

impl Pace {
    pub(crate) fn measure(history: &History) -> Self {
        let went_back = |record: &&Record| {
            let done = record.tool == "rollback" && record.success == Some(true);
            // A guard goes nowhere, and neither does what was skipped.
            done && record.command.as_deref() != Some("guard") && !record.details.contains_key("skipped")
        };
        let rollbacks: Vec<u64> = history.records.iter().filter(went_back).map(|record| record.duration_ms).collect();
        if rollbacks.is_empty() {
            let activations: Vec<u64> = history.deployments.iter().filter_map(activation).collect();
            return Self { measured: activations.len(), expected_ms: median(activations), of_rollbacks: false };
        }
        Self { measured: rollbacks.len(), expected_ms: median(rollbacks), of_rollbacks: true }
    }

    /// `, in about 3.2 s (4 rollbacks so far)`.
    pub(crate) fn spell(&self) -> String {
        let Some(expected) = self.expected_ms.map(clock::spell) else {
            return "; how long that takes is not known yet".to_owned();
        };
        let plural = if self.measured == 1 { "" } else { "s" };
        let (measured, of_what) = (self.measured, if self.of_rollbacks { "rollback" } else { "activation" });
        format!(", in about {expected} ({measured} {of_what}{plural} so far)")
    }
}

/// How long a deployment took from its switch to the verdict of its smoke test, when both went well.
fn activation(deployment: &Deployment) -> Option<u64> {
    let took = |of_step: fn(&Record) -> bool| {
        let record = deployment.records.iter().rfind(|record| of_step(record) && record.success == Some(true));
        record.map(|record| record.duration_ms)
    };
    let switch = took(|record| record.is("release", "activate") && record.parent.is_none())?;
    let smoke = took(|record| record.is("smoke-test", "check") && record.step.as_deref() == Some("smoke"))?;
    Some(switch.saturating_add(smoke))
}

fn median(mut lengths: Vec<u64>) -> Option<u64> {
    lengths.sort_unstable();
    let middle = lengths.len() / 2;
    let upper = *lengths.get(middle)?;
    let lower = if lengths.len().is_multiple_of(2) { *lengths.get(middle - 1)? } else { upper };
    Some(lower.midpoint(upper))
}

#[cfg(test)]
mod tests {
    use super::{Pace, median};
    use kit::history::History;
    use kit::journal::read_from;

    fn pace(records: &[(&str, u64)]) -> Pace {
        let line = |(record, took): &(&str, u64)| {
            format!(r#"{{"v":1,"started_at":"2026-11-21T10:15:00Z","duration_ms":{took},"deploy":"prod-1",{record}}}"#)
                + "\n"
        };
        let lines = read_from(records.iter().map(line).collect::<String>().as_bytes()).unwrap();
        assert_eq!(lines.unreadable, 0);
        Pace::measure(&History::from_lines(lines))
    }

    const BEGIN: &str = r#""tool":"deploy-queue","command":"begin","commit":"abcdefa1""#;
    const ACTIVATE: &str = r#""tool":"release","command":"activate","success":true"#;
    const SMOKE: &str = r#""tool":"smoke-test","command":"check","step":"smoke","success":true"#;
    const BACK: &str = r#""tool":"rollback","command":"deploy","success":true"#;
    const SKIPPED: &str = r#""tool":"rollback","command":"deploy","success":true,"details":{"skipped":"x"}"#;
    const FAILED: &str = r#""tool":"rollback","command":"last","success":false"#;
    const GUARD: &str = r#""tool":"rollback","command":"guard","success":true"#;

    #[test]
    fn rollbacks_count_before_activations_and_only_those_that_went_somewhere() {
        let deployment = [(BEGIN, 0), (ACTIVATE, 200), (SMOKE, 300)];
        assert_eq!(pace(&deployment).spell(), ", in about 0.5 s (1 activation so far)");
        let more = [&deployment[..], &[(GUARD, 1), (SKIPPED, 1), (FAILED, 1), (BACK, 3000), (BACK, 3400)]].concat();
        assert_eq!(pace(&more).spell(), ", in about 3.2 s (2 rollbacks so far)");
        assert_eq!(pace(&[(BEGIN, 0), (ACTIVATE, 200)]), Pace::default());
    }

    #[test]
    fn one_that_hung_does_not_move_the_median() {
        assert_eq!(median(vec![3, 1, 100_000]), Some(3));
        assert_eq!(median(vec![u64::MAX, u64::MAX]), Some(u64::MAX));
        assert_eq!(median(Vec::new()), None);
    }
}
