//! What a flow is made of: steps, and what they capture for those after them.

pub(crate) mod capture;
pub(crate) mod journey;
pub(crate) mod step;

pub(crate) use journey::Journey;
pub(crate) use step::Step;
