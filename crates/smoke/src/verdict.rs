//! What the attempts at a check mean, and what all checks together mean. Pure: no clock, no network.

use kit::Exit;

use crate::finding::{Finding, State};

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// As expected at the first attempt.
    Pass,
    /// As expected, but not at the first attempt.
    Flaky,
    /// Not as expected, and only to be warned about.
    Warn,
    /// Not as expected.
    Fail,
    /// Another commit answers.
    Stale,
    /// We could not look.
    Error,
    /// A gate before it did not pass.
    Skipped,
}

impl Verdict {
    /// All of them, in the order in which a summary counts them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Pass, Self::Flaky, Self::Warn, Self::Fail, Self::Stale, Self::Error, Self::Skipped];

    /// The verdict on the last finding, for which more looks than needed were taken, or not.
    pub(crate) fn of(finding: &Finding, again: bool, warn: bool) -> Self {
        match finding.state {
            State::Good if again => Self::Flaky,
            State::Good => Self::Pass,
            _ if warn => Self::Warn,
            State::Bad | State::Lasting | State::Refused => Self::Fail,
            State::Stale => Self::Stale,
            State::Blind(_) => Self::Error,
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Flaky => "flaky",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Stale => "stale",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }

    /// Whether the checked thing does not work; to be `strict`, not reliably.
    pub(crate) fn is_no(self, strict: bool) -> bool {
        matches!(self, Self::Fail | Self::Stale) || (strict && self == Self::Flaky)
    }

    /// Whether a gate with this verdict stops what comes after it.
    pub(crate) fn stops(self) -> bool {
        self.is_no(false) || matches!(self, Self::Error)
    }
}

/// What all checks together mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It works, as far as the checks tell.
    Yes,
    /// It does not.
    No,
    /// Nothing failed, but not everything could be looked at.
    Unknown,
}

/// The answer: a failure outweighs what is not known, and that outweighs the rest.
pub(crate) fn answer(verdicts: &[Verdict], strict: bool) -> Answer {
    if verdicts.iter().any(|verdict| verdict.is_no(strict)) {
        Answer::No
    } else if verdicts.contains(&Verdict::Error) {
        Answer::Unknown
    } else {
        Answer::Yes
    }
}

/// The exit code of an answer that nobody knows: 69 when a program is missing, 74 for all else.
pub(crate) fn unknown(cause: Exit) -> Exit {
    if cause == Exit::UNAVAILABLE { Exit::UNAVAILABLE } else { Exit::IO }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Verdict, answer, unknown};
    use crate::finding::{Finding, State};
    use kit::{Exit, Failure};

    fn findings() -> [Finding; 6] {
        let text = String::new;
        [
            Finding::good(text()),
            Finding::bad(text()),
            Finding::lasting(text()),
            Finding::refused(text()),
            Finding::stale(text()),
            Finding::blind(Failure::new(Exit::IO, "")),
        ]
    }

    #[test]
    fn only_what_was_seen_to_be_good_passes() {
        for finding in findings() {
            for (again, warn) in [(false, false), (true, false), (false, true), (true, true)] {
                let verdict = Verdict::of(&finding, again, warn);
                let good = finding.state == State::Good;
                assert_eq!(good, matches!(verdict, Verdict::Pass | Verdict::Flaky), "{finding:?}");
                assert_eq!(verdict == Verdict::Flaky, good && again);
                assert_eq!(verdict == Verdict::Warn, !good && warn);
            }
        }
    }

    #[test]
    fn each_failure_has_its_word() {
        let verdicts = findings().map(|finding| Verdict::of(&finding, true, false).word());
        assert_eq!(verdicts, ["flaky", "fail", "fail", "fail", "stale", "error"]);
    }

    #[test]
    fn the_answer_is_yes_only_without_failure_and_error() {
        for one in Verdict::ALL {
            for two in Verdict::ALL {
                for three in Verdict::ALL {
                    let verdicts = [one, two, three];
                    let no = verdicts.contains(&Verdict::Fail) || verdicts.contains(&Verdict::Stale);
                    let expected = match (no, verdicts.contains(&Verdict::Error)) {
                        (true, _) => Answer::No,
                        (false, true) => Answer::Unknown,
                        (false, false) => Answer::Yes,
                    };
                    assert_eq!(answer(&verdicts, false), expected, "{verdicts:?}");
                    let strictly = if verdicts.contains(&Verdict::Flaky) { Answer::No } else { expected };
                    assert_eq!(answer(&verdicts, true), strictly, "{verdicts:?}");
                }
            }
        }
        assert_eq!(answer(&[], false), Answer::Yes);
    }

    #[test]
    fn not_knowing_is_69_or_74() {
        assert_eq!(unknown(Exit::UNAVAILABLE), Exit::UNAVAILABLE);
        assert_eq!(unknown(Exit::NOT_PERMITTED), Exit::IO);
    }
}
