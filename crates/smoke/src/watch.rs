//! After the verdict: what passed has to go on passing for some time, because an app that dies of its first real request
//! has passed every check before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kit::{Failure, clock, signal};

use crate::plan::Plan;
use crate::schedule;
use crate::trial::{Trial, milliseconds};
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
    pub(crate) fn hold(self, plan: &Plan, mut trials: Vec<Trial>) -> Result<Vec<Trial>, Failure> {
        let verdicts: Vec<Verdict> = trials.iter().map(|trial| trial.verdict).collect();
        if answer(&verdicts, false) != Answer::Yes {
            return Ok(trials);
        }
        let passed = |index: &usize| matches!(verdicts.get(*index), Some(Verdict::Pass | Verdict::Flaky));
        let passed: Vec<usize> = (0..trials.len()).filter(passed).collect();
        let conditions = Arc::new(plan.conditions.for_a_watch(self.length));
        let began = Instant::now();
        while let Some(left) = self.length.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) {
            signal::sleep(self.interval.min(left))?;
            let mut is_lost = false;
            for (index, trial) in schedule::run_together(passed.clone(), &plan.checks, &conditions, &mut |_| {})? {
                if trial.verdict != Verdict::Pass
                    && let Some(place) = trials.get_mut(index)
                {
                    *place = trial.lost(&clock::spell(milliseconds(began.elapsed())));
                    is_lost = true;
                }
            }
            if is_lost {
                break;
            }
        }
        Ok(trials)
    }
}
