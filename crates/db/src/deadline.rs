//! How long work may take.

use std::time::{Duration, Instant};

use kit::{Exit, Failure, clock, signal};

/// A moment after which work is given up. Loops ask [`Deadline::check`] at each turn.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    began: Instant,
    length: Duration,
}

impl Deadline {
    /// The moment that is `length` away.
    #[must_use]
    pub fn after(length: Duration) -> Self {
        Self { began: Instant::now(), length }
    }

    /// Whether it is over.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.began.elapsed() >= self.length
    }

    /// How much of it is left: what a program that is started now may take.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.length.saturating_sub(self.began.elapsed())
    }

    /// Goes on, or fails: 128+n once a signal has come, 124 once the deadline has passed.
    pub fn check(&self) -> Result<(), Failure> {
        signal::check()?;
        if self.has_passed() {
            return Err(Failure::new(Exit::DEADLINE, format!("not done after {}", self.spell())));
        }
        Ok(())
    }

    /// How long was granted, for a person.
    #[must_use]
    pub fn spell(&self) -> String {
        clock::spell(clock::milliseconds(self.length))
    }
}
