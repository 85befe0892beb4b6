//! The SQLite engine: a live database is only ever read and written through SQLite's own locks.
//!
//! A raw copy of a database in WAL mode is torn, and a database put beside a stale `-wal` is corrupt. So [`snapshot()`]
//! and [`overwrite()`] use the online backup API, and never its `run_to_completion`, which waits for ever.

mod census;
mod connection;
mod live;
mod load;
mod overwrite;
mod question;
mod script;
mod snapshot;

pub use census::{inspect, inspect_live};
pub use live::{Live, look, size};
pub use load::Load;
pub use overwrite::overwrite;
pub use question::{Asked, is_one_statement};
pub use snapshot::snapshot;

/// The version of the SQLite library in this tool.
#[must_use]
pub fn version() -> &'static str {
    rusqlite::version()
}
