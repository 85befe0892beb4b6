//! The attempts at one check.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use kit::{Exit, clock, signal, voice};

use crate::check::Check;
use crate::commit::Commit;
use crate::evidence::Evidence;
use crate::finding::{Finding, State};
use crate::grammar::secret::{longest_first, redact};
use crate::log::mark::Mark;
use crate::verdict::Verdict;

/// How often an app that is starting is asked: soon after it is ready, its check passes.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// How long after the deadline the last commands may take to be ended.
const OVERTIME: Duration = Duration::from_secs(15);

/// What all checks of a run share.
#[derive(Debug)]
pub(crate) struct Conditions {
    /// When the run began.
    pub(crate) began: Instant,
    /// How long it may take.
    pub(crate) deadline: Duration,
    /// How many checks run at the same time.
    pub(crate) concurrency: usize,
    /// How long a refused connection costs no attempt.
    pub(crate) startup_wait: Duration,
    /// Where commands run and relative paths begin.
    pub(crate) dir: PathBuf,
    /// What commands are told in `PUSHBACK_COMMIT`.
    pub(crate) commit: Option<String>,
    /// The commit that must answer.
    pub(crate) expected: Option<Commit>,
    /// Where the logs ended when the deployment or the rollback began; nothing when that is not known.
    pub(crate) marks: Option<Vec<Mark>>,
    /// Whether each check has one attempt, whatever it says.
    pub(crate) once: bool,
    /// Held by whoever runs a program, for reading: who gets it for writing knows that all have ended.
    pub(crate) commands: RwLock<()>,
    /// Held by whoever judges what takes much memory.
    pub(crate) judging: Mutex<()>,
}

impl Conditions {
    /// The same for looking again whether what passed still does, beginning now.
    pub(crate) fn for_a_watch(&self, length: Duration) -> Self {
        Self {
            began: Instant::now(),
            deadline: length + self.deadline,
            startup_wait: Duration::ZERO,
            dir: self.dir.clone(),
            commit: self.commit.clone(),
            expected: self.expected.clone(),
            marks: self.marks.clone(),
            once: true,
            judging: Mutex::default(),
            commands: RwLock::default(),
            ..*self
        }
    }

    /// What is left of the time; `None` when it is over.
    fn left(&self) -> Option<Duration> {
        self.deadline.checked_sub(self.began.elapsed()).filter(|left| !left.is_zero())
    }

    /// Where nothing has been started, there is nothing to wait for.
    fn start_period(&self, check: &Check) -> Duration {
        if self.startup_wait.is_zero() { Duration::ZERO } else { check.start_period }
    }

    fn is_starting(&self) -> bool {
        self.began.elapsed() < self.startup_wait
    }

    /// Whether a check that has not come back by now never will: one that looks at a dead network disk, say.
    pub(crate) fn is_overdue(&self) -> bool {
        self.began.elapsed() > self.deadline + OVERTIME
    }

    /// For whoever starts a program, to hold until it has ended. After a signal none is started.
    pub(crate) fn may_start(&self) -> Option<RwLockReadGuard<'_, ()>> {
        // A lock that a panic poisoned guards all the same.
        let guard = self.commands.read().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the guard: none is started after the wait for all of them.
        signal::received().is_none().then_some(guard)
    }

    /// Waits for commands that a signal is ending.
    pub(crate) fn await_commands(&self) {
        drop(self.commands.write());
    }
}

/// What became of one check.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) verdict: Verdict,
    /// The same before it was compared with a baseline.
    pub(crate) found: Verdict,
    /// Without those that met a refused connection while the app was starting.
    pub(crate) attempts: u32,
    pub(crate) took: Duration,
    /// How long the last look took.
    pub(crate) latency: Duration,
    /// How long it took before, in milliseconds, where that is known.
    pub(crate) latency_before: Option<u64>,
    pub(crate) message: String,
    /// What kept us from looking.
    pub(crate) cause: Option<Exit>,
    /// What was seen where it is not as expected.
    pub(crate) evidence: Evidence,
}

impl Trial {
    /// A check that is not made because a gate did not pass.
    pub(crate) fn skipped(gate: &str) -> Self {
        Self {
            verdict: Verdict::Skipped,
            found: Verdict::Skipped,
            attempts: 0,
            took: Duration::ZERO,
            latency: Duration::ZERO,
            latency_before: None,
            message: format!("not checked, because the gate {gate} did not pass"),
            cause: None,
            evidence: Evidence::default(),
        }
    }

    /// A check that did not come back from its first look.
    pub(crate) fn unfinished(check: &Check, conditions: &Conditions) -> Self {
        Self::conclude(check, conditions, None, 0, conditions.began.elapsed())
    }

    /// Makes a check until it passes, its attempts are used up, or the time is.
    pub(crate) fn run(check: &Check, conditions: &Conditions) -> Self {
        let began = Instant::now();
        let (most, consecutive) = if conditions.once { (1, 1) } else { (check.attempts, check.consecutive) };
        let (mut attempts, mut in_a_row, mut latency) = (0, 0, Duration::ZERO);
        let mut last = None;
        while attempts < most
            && signal::received().is_none()
            && let Some(left) = conditions.left()
        {
            let asked = Instant::now();
            let finding = check.subject.look(left.min(check.timeout), conditions);
            latency = asked.elapsed();
            let starting = match finding.state {
                State::Refused if conditions.is_starting() => true,
                _ => finding.may_change() && conditions.began.elapsed() < conditions.start_period(check),
            };
            in_a_row = if finding.state == State::Good { in_a_row + 1 } else { 0 };
            let again = finding.may_change() || (1..consecutive).contains(&in_a_row);
            last = Some(finding);
            if !starting {
                attempts += 1;
            }
            if !again || attempts == most {
                break;
            }
            let wait = if starting { check.interval.min(ASK_EVERY) } else { check.interval };
            // A signal ends the run, whatever this check would say.
            signal::sleep(wait.min(conditions.left().unwrap_or_default())).ok();
        }
        if let Some(good) = last.as_ref().filter(|last| last.state == State::Good)
            && in_a_row < consecutive
        {
            let times = format!("{in_a_row} of {consecutive} times in a row");
            last = Some(Finding::bad(format!("{}, but only {times}", good.message)));
        }
        Self { latency, ..Self::conclude(check, conditions, last, attempts, began.elapsed()) }
    }

    /// One that passed and does not any more, after so long.
    pub(crate) fn lost(self, after: &str) -> Self {
        Self { message: format!("lost after {after}: {}", self.message), ..self }
    }

    fn conclude(check: &Check, conditions: &Conditions, last: Option<Finding>, attempts: u32, took: Duration) -> Self {
        let limit = clock::spell(clock::milliseconds(conditions.deadline));
        let finding = last.unwrap_or_else(|| Finding::bad("nothing came of it"));
        let late = if conditions.left().is_none() && finding.may_change() {
            format!("; the deadline of {limit} passed")
        } else {
            String::new()
        };
        let verdict = Verdict::of(&finding, attempts > check.consecutive, check.warn);
        let secrets = match finding.hidden.as_slice() {
            // Those of a large file are not copied for each of its checks.
            [] => Cow::Borrowed(&*check.secrets),
            hidden => Cow::Owned(longest_first([&*check.secrets, hidden].concat())),
        };
        Self {
            verdict,
            found: verdict,
            attempts,
            took,
            latency: took,
            latency_before: None,
            message: voice::clean_line(&redact(&format!("{}{late}", finding.message), &secrets)),
            cause: match finding.state {
                State::Blind(exit) => Some(exit),
                _ => None,
            },
            evidence: if finding.state == State::Good { Evidence::default() } else { finding.evidence.shown(&secrets) },
        }
    }
}
