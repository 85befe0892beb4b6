//! What became of a submission, as the journal tells.

use kit::history::History;
use kit::journal::Record;
use kit::voice;

use crate::entry::number_in;

/// The record that settled a submission: it began, was overtaken, refused or cancelled.
pub(crate) fn settled_by(number: u64, history: &History) -> Option<&Record> {
    let settles = |record: &&Record| record.command.as_deref() != Some("submit") && number_in(record) == Some(number);
    history.records.iter().find(settles)
}

/// Whether the journal tells already what became of a submission.
pub(crate) fn is_settled(number: u64, history: &History) -> bool {
    settled_by(number, history).is_some()
}

/// Why a submission was not deployed, as the record that settled it tells.
pub(crate) fn why_not(record: &Record) -> String {
    let why = match (&record.error, record.details.get("by_entry")) {
        (Some(error), _) => error.message.clone(),
        (None, Some(newer)) => format!("submission {newer} is newer"),
        (None, None) => format!("it was cancelled by {}", record.text("by").unwrap_or_default()),
    };
    voice::clean_line(&why)
}
