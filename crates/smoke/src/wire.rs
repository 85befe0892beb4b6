//! How one gets to a server, and says a few words to it: nothing waits longer than it may.

pub(crate) mod connection;
pub(crate) mod dialogue;
pub(crate) mod endpoint;
pub(crate) mod handshake;
