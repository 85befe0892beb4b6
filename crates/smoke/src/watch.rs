//! After the verdict: what passed has to go on passing for some time, because an app that dies of its first real request
//! has passed every check before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::{Failure, clock, signal};

use crate::plan::Plan;
use crate::schedule;
use crate::trial::Trial;
use crate::verdict::{Answer, Verdict, answer};

/// How long is watched, and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch {
    pub(crate) length: Duration,
    pub(crate) interval: Duration,
}

impl Watch {
    /// Makes the checks that passed again and again, once each time, until the time is over or one of them is lost. Checks
    /// that do not all pass are not watched.
    pub(crate) fn hold(self, plan: &Plan, mut trials: Vec<Trial>, strict: bool) -> Result<Vec<Trial>, Failure> {
        let verdicts: Vec<Verdict> = trials.iter().map(|trial| trial.verdict).collect();
        if answer(&verdicts, strict) != Answer::Yes {
            return Ok(trials);
        }
        let passed = |index: &usize| matches!(verdicts.get(*index), Some(Verdict::Pass | Verdict::Flaky));
        let mut passed: Vec<usize> = (0..trials.len()).filter(passed).collect();
        let conditions = Arc::new(plan.conditions.for_a_watch(self.length));
        let began = Instant::now();
        while let Some(left) = self.length.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            signal::sleep(self.interval.min(left))?;
            let looks = schedule::run_together(passed.clone(), &plan.checks, &conditions, &mut |_| {})?;
            let lost: Vec<(usize, Trial)> =
                looks.into_iter().filter(|(_, trial)| trial.verdict != Verdict::Pass).collect();
            // What only warns is lost, too, and all else goes on to be watched.
            let is_over = lost.iter().any(|(_, trial)| trial.verdict != Verdict::Warn);
            passed.retain(|index| lost.iter().all(|(gone, _)| gone != index));
            let after = clock::spell(clock::milliseconds(began.elapsed()));
            for (index, trial) in lost {
                if let Some(place) = trials.get_mut(index) {
                    *place = trial.lost(&after);
                }
            }
            if is_over || passed.is_empty() {
                break;
            }
        }
        Ok(trials)
    }
}
