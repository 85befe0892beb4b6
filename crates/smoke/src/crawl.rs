//! Following the links of an app, to find those that are broken.

pub(crate) mod account;
mod candidates;
mod frontier;
mod links;
pub(crate) mod pattern;
mod sitemap;
mod visit;
mod walk;

pub(crate) use frontier::{Frontier, Limits};
pub(crate) use walk::Walk;
