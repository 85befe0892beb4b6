//! A person's last chance to say no.

use std::io::{self, IsTerminal};
use std::time::Duration;

use kit::{Context, Exit, Failure, signal};

/// How many seconds a person has.
const SECONDS: u64 = 5;

/// How it is known that somebody wants this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// It was said with `--yes`.
    Given,
    /// Somebody sits at a terminal and can still stop it.
    Silence,
}

impl Consent {
    /// `--yes`, or a terminal to count down on; else 2. Stdin counts too: in the pipeline it is the lock file, and
    /// nobody reads what is said there.
    pub(crate) fn of(yes: bool) -> Result<Self, Failure> {
        if yes {
            Ok(Self::Given)
        } else if io::stdin().is_terminal() && io::stderr().is_terminal() {
            Ok(Self::Silence)
        } else {
            let message = "will not replace a database unasked: stdin and stderr are no terminal";
            Err(Failure::new(Exit::USAGE, message).hint("say --yes to go on without a question"))
        }
    }

    /// Says what is about to happen, and on a terminal counts five seconds down: a signal until then ends it.
    pub(crate) fn ask(self, announcement: &str, cx: &Context) -> Result<(), Failure> {
        if self == Self::Given {
            cx.say(announcement);
            return Ok(());
        }
        cx.warn(announcement);
        for left in (1..=SECONDS).rev() {
            cx.warn(&format!("in {left} s; Ctrl-C stops it and nothing is touched"));
            signal::sleep(Duration::from_secs(1))?;
        }
        Ok(())
    }
}
