//! A flow: requests one after the other, as a person makes them who logs in, does something and logs out.

use std::time::{Duration, Instant};

use kit::Failure;

use crate::finding::Finding;
use crate::flow::{Journey, Step};
use crate::grammar::keys::Keys;
use crate::grammar::quantity::counted;
use crate::http::session::Span;
use crate::http::{Manner, Session};
use crate::kind::Subject;
use crate::trial::Conditions;

/// What is left at least for all steps that are made after a failure, when that used up the time.
const GRACE: Duration = Duration::from_secs(1);

/// So many steps a flow may have.
const MOST: usize = 100;

/// A check of several steps.
#[derive(Debug)]
struct Flow {
    manner: Manner,
    steps: Vec<Step>,
}

/// Takes the keys of a flow check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    if !keys.list("expect", true)?.is_empty() {
        return Err(
            keys.wrong_at("expect", "each [[check.step]] of a flow says what it expects; the flow itself does not")
        );
    }
    let manner = Manner::read(keys)?;
    let mut steps: Vec<Step> = Vec::new();
    let mut captures = Vec::new();
    let tables = keys.tables("step", "step")?;
    if tables.is_empty() || tables.len() > MOST {
        return Err(keys.wrong(format!("a flow has 1 to {MOST} steps, each written [[check.step]]")));
    }
    for (index, mut table) in tables.into_iter().enumerate() {
        table.know(&captures);
        let step = Step::read(&mut table, index + 1, &manner)?;
        if steps.iter().any(|other| other.name == step.name) {
            return Err(table.wrong_at("name", format!("there is another step `{}`", step.name)));
        }
        captures.extend(step.captures.iter().map(|capture| capture.name.clone()));
        keys.absorb(&step.name, table);
        steps.push(step);
    }
    Ok(Box::new(Flow { manner, steps }))
}

impl Flow {
    /// All steps up to the first that fails, and of those after it the ones that are always made.
    fn take(&self, journey: &mut Journey, timeout: Duration) -> Finding {
        let began = Instant::now();
        let mut span = Span { end: began + timeout, whole: timeout };
        let mut failed: Option<Finding> = None;
        for step in &self.steps {
            let taken = match (&failed, journey.lacks(step)) {
                (None, _) => journey.take(step, span),
                (Some(_), Some(name)) if step.always => {
                    Err(Finding::bad(format!("{}: not made, `{name}` was not captured", step.spell())))
                }
                (Some(_), None) if step.always => journey.take(step, span),
                (Some(_), _) => Ok(()),
            };
            let Err(finding) = taken else { continue };
            if let Some(first) = &mut failed {
                first.message = format!("{}; {}", first.message, finding.message);
            } else {
                failed = Some(finding);
                let whole = span.end.saturating_duration_since(Instant::now()).max(GRACE);
                span = Span { end: Instant::now() + whole, whole };
            }
        }
        let number = counted(self.steps.len(), "step", "steps");
        failed.unwrap_or_else(|| Finding::good(format!("{number}, {} ms", began.elapsed().as_millis())))
    }
}

impl Subject for Flow {
    fn spell(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(Step::spell).collect();
        steps.join(", ")
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let session = match Session::new(&self.manner, &conditions.dir) {
            Ok(session) => session,
            Err(failure) => return Finding::blind(failure),
        };
        let mut journey = Journey::new(session);
        let finding = self.take(&mut journey, timeout);
        finding.without(journey.into_hidden())
    }
}
