//! The contract that every pushback tool keeps.
//!
//! One module, one clause: [`exit`] codes and [`failure`] sentences, the [`voice`] on stderr, [`settings`], the
//! [`journal`] and the [`history`] read from it, the environment's [`root`] on disk, its one [`lock`], child
//! [`process`]es, durable [`files`], the [`clock`], [`signal`]s, and [`tool::main`], which ties them together.

pub mod clock;
mod command_line;
pub mod context;
mod ending;
pub mod exit;
pub mod failure;
pub mod files;
pub mod git;
pub mod history;
pub mod journal;
pub mod lock;
mod man;
pub mod process;
pub mod root;
pub mod settings;
pub mod signal;
pub mod tool;
pub mod user_command;
pub mod voice;

pub use context::{Context, Outcome};
pub use exit::Exit;
pub use failure::{Attempt, Failure};
pub use tool::Tool;
