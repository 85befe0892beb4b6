//! What a flow is made of: steps, and what they capture for those after them.

mod capture;
mod journey;
mod step;

pub(crate) use journey::Journey;
pub(crate) use step::Step;
