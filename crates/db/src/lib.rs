//! Databases, for the tools that back them up, restore and migrate them.
//!
//! [`url`] says which database is meant, [`sqlite`], [`postgres`] and [`mysql`] are the engines, and [`engine`] says what all
//! have in common. A backup [`set`] holds what the engine gave, packed by a [`codec`] ([`packing`]), described by its
//! [`manifest`] and guarded by its [`checksums`]; a [`store`] holds the sets, each an [`entry`] with a [`grade`]. Everything
//! that may take long has a [`deadline`], and every byte that is kept has a [`digest`].

pub mod address;
pub mod answer;
pub mod checksums;
pub mod codec;
pub mod deadline;
pub mod digest;
pub mod engine;
pub mod entry;
pub mod grade;
pub mod manifest;
pub mod mysql;
pub mod packing;
pub mod postgres;
pub mod server;
pub mod set;
pub mod sqlite;
pub mod store;
pub mod url;

pub use address::Address;
pub use answer::{Answer, Cell, Place, Reply};
pub use codec::{Codec, Packer, Unpacker};
pub use deadline::Deadline;
pub use engine::{Engine, Format, Trust};
pub use entry::Entry;
pub use grade::Grade;
pub use manifest::Manifest;
pub use packing::Packing;
pub use set::Set;
pub use store::Store;
pub use url::Url;
