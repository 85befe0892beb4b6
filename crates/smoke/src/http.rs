//! Requests over HTTP, for every kind of check that asks a web server.

pub(crate) mod answer;
pub(crate) mod ask;
mod client;
mod curl;
mod jar;
pub(crate) mod reference;
mod reset;
pub(crate) mod session;
mod unix;

pub(crate) use answer::Answer;
pub(crate) use ask::{Ask, Request};
pub(crate) use client::{Client, Manner};
pub(crate) use curl::veiled_query;
pub(crate) use session::Session;
