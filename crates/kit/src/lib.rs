//! The contract that every pushback tool keeps.
//!
//! One module, one clause: [`exit`] codes and [`failure`] sentences, the [`voice`] on stderr, [`settings`], the
//! [`journal`], the [`history`] read from it and the ways back ([`way_back`]) that it leaves, the environment's
//! [`root`] on disk, its one [`lock`], child [`process`]es and [`question`]s to them, those of others ([`proc`]),
//! durable [`files`] and one that is in memory only ([`memory_file`]), the [`clock`], sizes and ages as a person
//! reads them ([`quantity`]), the [`progress`] of long work, [`signal`]s, a [`stdin`] that may never end, and
//! [`tool::main`], which ties them together.

pub mod clock;
mod command_line;
pub mod context;
mod ending;
pub mod exit;
pub mod failure;
pub mod files;
pub mod forerunner;
pub mod git;
pub mod history;
pub mod journal;
pub mod lock;
mod man;
pub mod memory_file;
mod orphan;
mod pipe;
pub mod proc;
pub mod process;
pub mod progress;
pub mod quantity;
pub mod question;
pub mod root;
pub mod settings;
pub mod signal;
pub mod stdin;
pub mod tool;
pub mod user_command;
pub mod voice;
pub mod way_back;

pub use context::{Context, Outcome};
pub use exit::Exit;
pub use failure::{Attempt, Failure};
pub use progress::Meter;
pub use tool::Tool;
