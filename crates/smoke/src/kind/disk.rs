//! The room on the file system that holds a path.

use std::path::PathBuf;
use std::time::Duration;

use kit::{Exit, Failure};
use rustix::fs::statvfs;
use rustix::io::Errno;

use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::quantity::{Quantity, Share, spell};
use crate::grammar::relation::Relation;
use crate::kind::Subject;
use crate::trial::Conditions;

/// A check of a disk.
#[derive(Debug)]
struct Disk {
    path: PathBuf,
    expectations: Expectations<RoomAssertion>,
}

/// What a file system has left for a user who is not root (`statvfs(3)`).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    bytes: Share,
    inodes: Share,
}

/// Takes the keys of a disk check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let path = keys.required("path", "a directory or file on the disk")?;
    Ok(Box::new(Disk { path: path.into(), expectations: keys.expectations()? }))
}

impl Subject for Disk {
    fn spell(&self) -> String {
        self.path.display().to_string()
    }

    fn look(&self, _timeout: Duration, conditions: &Conditions) -> Finding {
        let path = conditions.dir.join(&self.path);
        match statvfs(&path) {
            Ok(found) => {
                let bytes = Share {
                    free: found.f_bavail.saturating_mul(found.f_frsize),
                    // What is kept for root is neither free nor used.
                    total: (found.f_blocks.saturating_sub(found.f_bfree) + found.f_bavail)
                        .saturating_mul(found.f_frsize),
                };
                let room = Room { bytes, inodes: Share { free: found.f_favail, total: found.f_files } };
                self.expectations.find(&room, Room::spell)
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Finding::bad(format!("{} is not there", path.display())),
            Err(errno) => {
                let failure = Failure::io(format_args!("look at {}", path.display()), &errno.into());
                Finding::blind(Failure::new(Exit::IO, failure.message))
            }
        }
    }
}

impl Room {
    fn spell(&self) -> String {
        format!("{} free ({} %)", spell(self.bytes.free), self.bytes.percent())
    }
}

/// What can be asserted of a disk.
#[derive(Clone, Debug)]
pub(crate) enum RoomAssertion {
    /// `free > 100MB`
    Free(Relation, Quantity),
    /// `inodes > 5%`
    Inodes(Relation, Quantity),
}

impl Assertion for RoomAssertion {
    type Seen = Room;

    const WORDS: &'static str = "free or inodes (a disk check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        let relation = |cursor: &mut Cursor<'_>| Relation::read(cursor, Relation::ABOVE);
        match word {
            "free" => Some(relation(cursor).and_then(|is| Ok(Self::Free(is, Quantity::read_bytes(cursor)?)))),
            "inodes" => Some(relation(cursor).and_then(|is| Ok(Self::Inodes(is, Quantity::read_count(cursor)?)))),
            _ => None,
        }
    }

    fn judge(&self, room: &Room) -> Result<(), String> {
        match self {
            Self::Free(relation, wanted) if room.bytes.holds(*relation, *wanted) => Ok(()),
            Self::Free(..) => Err(room.spell()),
            // A file system that does not count them never runs out of them.
            Self::Inodes(..) if room.inodes.total == 0 => Ok(()),
            Self::Inodes(relation, wanted) if room.inodes.holds(*relation, *wanted) => Ok(()),
            Self::Inodes(..) => Err(format!("{} inodes are free ({} %)", room.inodes.free, room.inodes.percent())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Room, RoomAssertion};
    use crate::grammar::cursor::Cursor;
    use crate::grammar::expectation::Expectation;
    use crate::grammar::quantity::Share;

    fn judge(line: &str, room: &Room) -> Result<(), String> {
        Expectation::<RoomAssertion>::parse(Cursor::new(line)).unwrap().judge(room)
    }

    #[test]
    fn room_is_measured_by_amount_and_by_share() {
        let room = Room { bytes: Share { free: 59, total: 1000 }, inodes: Share { free: 3, total: 10 } };
        assert_eq!(judge("free > 58B", &room), Ok(()));
        assert_eq!(judge("free > 5%", &room), Ok(()), "5.9 % is more than 5 %");
        assert_eq!(judge("free > 6%", &room), Err("59 B free (5 %), expected free > 6%".to_owned()));
        assert_eq!(judge("inodes >= 30%", &room), Ok(()));
        assert_eq!(judge("inodes > 3", &room), Err("3 inodes are free (30 %), expected inodes > 3".to_owned()));
    }

    #[test]
    fn a_file_system_that_counts_no_inodes_never_runs_out_of_them() {
        let none = Share { free: 0, total: 0 };
        let room = Room { bytes: none, inodes: none };
        assert_eq!(judge("inodes > 5%", &room), Ok(()));
        assert!(judge("free > 5%", &room).is_err());
    }
}
