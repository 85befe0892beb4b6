//! How a checks file is read: its keys, and the lines that say what is expected.

pub(crate) mod cursor;
pub(crate) mod expectation;
pub(crate) mod expression;
pub(crate) mod json_path;
pub(crate) mod keys;
pub(crate) mod place;
pub(crate) mod quantity;
pub(crate) mod relation;
pub(crate) mod secret;
pub(crate) mod template;
pub(crate) mod text;
pub(crate) mod variable;
