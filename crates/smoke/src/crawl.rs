//! Following the links of an app, to find those that are broken.

pub(crate) mod account;
mod candidates;
pub(crate) mod frontier;
mod links;
pub(crate) mod pattern;
mod sitemap;
pub(crate) mod visit;
pub(crate) mod walk;

pub(crate) use frontier::{Frontier, Limits};
pub(crate) use walk::Walk;
