//! What is new in a log since a deployment began.

pub(crate) mod fingerprint;
pub(crate) mod mark;
pub(crate) mod new_lines;
pub(crate) mod old_lines;
pub(crate) mod pieces;
