//! What another tool of the family answers, or why it has no answer: its failure is a part of the state.

use std::time::Duration;

use kit::journal::Record;
use kit::voice::clean_line;
use kit::{Context, Exit, Failure, question};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What a tool that ends by its own deadline may take to say so.
const SLACK: Duration = Duration::from_secs(10);

/// Who asks, and how long an answer may take.
pub(crate) struct Asker<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) timeout: Duration,
}

impl Asker<'_> {
    /// A tool's details, when it ends with one of these codes; else its failure is ours.
    pub(crate) fn ask<T: DeserializeOwned>(&self, tool: &str, args: &[&str], codes: &[u8]) -> Result<T, Failure> {
        let record = self.record(tool, args)?;
        if record.exit_code.is_some_and(|code| codes.contains(&code)) {
            details(tool, record)
        } else {
            Err(failure(tool, &record))
        }
    }

    /// What a tool prints, whatever its exit code is.
    pub(crate) fn record(&self, tool: &str, args: &[&str]) -> Result<Record, Failure> {
        question::ask(self.cx, tool, args, &[], self.timeout + SLACK)
    }
}

/// The details of a record in the form that is expected of them.
pub(crate) fn details<T: DeserializeOwned>(tool: &str, record: Record) -> Result<T, Failure> {
    serde_json::from_value(Value::Object(record.details))
        .map_err(|wrong| Failure::new(Exit::IO, format!("{tool} gave an answer that is not understood: {wrong}")))
}

/// Another tool's failure as ours. That it was used wrongly, or told to stop, is nothing that happened to us.
pub(crate) fn failure(tool: &str, record: &Record) -> Failure {
    let is_ours = |code: &u8| *code != Exit::USAGE.code() && *code < 128;
    let exit = record.exit_code.filter(is_ours).map_or(Exit::IO, Exit::of_child);
    match &record.error {
        None => Failure::new(exit, format!("{tool} did not say why it failed")),
        // On one line, or it could look like more than one of ours.
        Some(error) => {
            Failure { exit, message: clean_line(&error.message), hint: error.hint.as_deref().map(clean_line) }
        }
    }
}
