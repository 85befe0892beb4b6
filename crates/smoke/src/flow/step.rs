//! One step of a flow: what is asked, what must be answered, and what is captured of that.

use kit::Failure;

use crate::flow::capture::{Capture, Source};
use crate::grammar::expectation::Expectations;
use crate::grammar::keys::Keys;
use crate::grammar::template::Captured;
use crate::http::answer::AnswerAssertion;
use crate::http::{Ask, Manner};

/// The keys of a step.
const KEYS: [&str; 12] =
    ["name", "url", "method", "headers", "basic", "body", "form", "json", "redirects", "expect", "capture", "always"];

/// A step.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) ask: Ask,
    pub(crate) expectations: Expectations<AnswerAssertion>,
    pub(crate) captures: Vec<Capture>,
    /// Also after a step that failed.
    pub(crate) always: bool,
}

impl Step {
    /// Takes its keys; `number` counts from 1.
    pub(crate) fn read(keys: &mut Keys<'_>, number: usize, manner: &Manner) -> Result<Self, Failure> {
        keys.belong(&KEYS, "a step")?;
        let name = keys.own_name()?.unwrap_or_else(|| format!("step {number}"));
        let ask = Ask::read(keys, manner.clone())?;
        let captures = keys.named_lines("capture", Source::read)?;
        let captures = captures.into_iter().map(|(name, source)| Capture { name, source }).collect();
        let always = keys.flag("always")?;
        let expectations = keys.expectations()?;
        let step = Self { name, ask, expectations, captures, always };
        step.rehearse().map_err(|wrong| keys.wrong_at("url", wrong))?;
        Ok(step)
    }

    /// Builds the request once: what is wrong with it already is found before anything is asked.
    fn rehearse(&self) -> Result<(), String> {
        if self.ask.leads().is_some() {
            return Ok(());
        }
        self.ask.request(&Captured::new()).map(drop)
    }

    /// Its name and what it asks, for a person.
    pub(crate) fn spell(&self) -> String {
        format!("{} ({})", self.name, self.ask.spell())
    }
}
