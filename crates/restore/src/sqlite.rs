//! SQLite: the backup is unpacked beside the live database and looked over; then the live one takes it over in one
//! transaction, or a new file takes its name where there is no sound one.

mod replacement;
mod target;
mod unpacked;

pub(crate) use replacement::Replacement;
pub(crate) use target::{Target, announcement};
pub(crate) use unpacked::Unpacked;
