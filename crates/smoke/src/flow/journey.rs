//! One attempt at a flow: the session, what was captured on the way, and what nobody is to see of that.

use std::collections::BTreeMap;

use ureq::http::Uri;
use ureq::http::header::AUTHORIZATION;

use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::flow::Step;
use crate::grammar::secret::forms;
use crate::grammar::template::Captured;
use crate::http::reference::{is_same_origin, resolve};
use crate::http::session::{Arrival, Span};
use crate::http::{Request, Session};

/// An attempt under way.
#[derive(Debug)]
pub(crate) struct Journey {
    session: Session,
    captured: Captured,
    /// Where each of them was captured.
    origins: BTreeMap<String, Uri>,
    hidden: Vec<String>,
}

impl Journey {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, captured: Captured::new(), origins: BTreeMap::new(), hidden: Vec::new() }
    }

    /// Takes a step; the error is what is not as expected of it.
    pub(crate) fn take(&mut self, step: &Step, span: Span) -> Result<(), Finding> {
        let named = |finding: Finding| Finding { message: format!("{}: {}", step.spell(), finding.message), ..finding };
        let request = self.request(step).map_err(|wrong| named(Finding::bad(wrong)))?;
        let curl = step.ask.curl_with_jar(&request);
        let redirects = step.ask.manner.redirects;
        let arrival = self
            .session
            .ask(request, redirects, span)
            .map_err(|finding| named(finding).with(Evidence::default().and("curl", &curl)))?;
        // Also what is not as expected may hold what a step needs that is always made.
        let captured = self.capture(step, &arrival);
        let judged = step.expectations.judge(&arrival.answer).and(captured);
        judged.map_err(|instead| named(Finding::bad(instead)).with(arrival.answer.evidence().and("curl", curl)))
    }

    /// Captures all that is there; the error says what first was not.
    fn capture(&mut self, step: &Step, arrival: &Arrival) -> Result<(), String> {
        let mut missing = Ok(());
        for capture in &step.captures {
            match capture.find(arrival, &self.session) {
                Ok(value) => {
                    self.hidden.extend(forms(&value));
                    self.origins.insert(capture.name.clone(), arrival.uri.clone());
                    self.captured.insert(capture.name.clone(), value);
                }
                Err(why) => missing = missing.and(Err(why)),
            }
        }
        missing
    }

    /// What a step needs and no step before has captured, because none got so far.
    pub(crate) fn lacks<'a>(&self, step: &'a Step) -> Option<&'a str> {
        step.ask.lacks(&self.captured)
    }

    /// What nobody is to see: what was captured, and all cookies.
    pub(crate) fn into_hidden(self) -> Vec<String> {
        self.session.hidden().into_iter().chain(self.hidden).collect()
    }

    fn request(&mut self, step: &Step) -> Result<Request, String> {
        let request = match step.ask.leads() {
            None => step.ask.request(&self.captured)?,
            Some(name) => step.ask.request_to(self.destination(name)?, &self.captured)?,
        };
        // A login of captured parts has a form of its own.
        let login = request.head.headers().get(AUTHORIZATION).and_then(|login| login.to_str().ok());
        if let Some(login) = login.and_then(|login| login.strip_prefix("Basic ")) {
            self.hidden.extend(forms(login));
        }
        Ok(request)
    }

    /// The address that was captured, seen from where it stood. It leads to nobody else, who would get what the app gave us.
    fn destination(&self, name: &str) -> Result<Uri, String> {
        let (Some(base), Some(value)) = (self.origins.get(name), self.captured.get(name)) else {
            return Err(format!("`{name}` was not captured"));
        };
        let Some(uri) = resolve(base, value) else {
            return Err(format!("what was captured as `{name}` is no address that can be asked"));
        };
        if !is_same_origin(base, &uri) {
            return Err(format!("what was captured as `{name}` leads to another origin"));
        }
        Ok(uri)
    }
}
