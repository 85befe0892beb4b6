//! `--output -`: the dump goes to whoever reads stdout, and no set is made.

use std::io::{self, IsTerminal};
use std::path::Path;

use db::Deadline;
use kit::{Context, Exit, Failure, Outcome};

use crate::capture::Capture;
use crate::manner::Manner;
use crate::partial::Partial;
use crate::source::Database;

/// Writes the compressed dump to stdout. Done only when the dumper succeeded and all was delivered; whoever reads must look
/// at the exit code, as with any program in a pipe.
pub(crate) fn stream(
    database: &Database,
    manner: Manner,
    store: &Path,
    deadline: &Deadline,
    cx: &mut Context,
) -> Result<Outcome, Failure> {
    if io::stdout().is_terminal() {
        let message = "a dump is nothing for a terminal to show";
        return Err(Failure::new(Exit::USAGE, message).hint("redirect it: backup-db --output - >file"));
    }
    // A copy of a SQLite database needs a place; a dump of a server needs none.
    let partial = match database {
        Database::File(_) => Some(Partial::begin(store, "make a copy")?),
        Database::Server { .. } => None,
    };
    let place = partial.as_ref().map(Partial::path);
    let capture = Capture { database, manner, expected: None, deadline, cx };
    let data = capture.deliver(place, io::stdout().lock()).map_err(|failure| {
        let hint = "what was written to stdout is not a whole dump: throw it away";
        // A hint that it has already, a GRANT say, is worth more.
        if failure.hint.is_some() { failure } else { failure.hint(hint) }
    })?;
    cx.detail("database", database.identity());
    cx.detail("engine", database.engine().to_string());
    cx.detail("format", manner.format.to_string());
    cx.detail("compression", manner.packing.codec.to_string());
    cx.detail("size_raw", data.raw.size);
    cx.detail("size_stored", data.stored.size);
    cx.detail("sha256", data.stored.sha256.as_str());
    cx.detail("rows", data.tables.values().sum::<u64>());
    Ok(Outcome::done(""))
}
