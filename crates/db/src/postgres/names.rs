//! The names of databases that a restore makes beside the live one: `app_restore_2026-11-21T10-15-00Z` while it is filled,
//! `app_before_2026-11-21T10-15-00Z` for what was live before. Nothing with another name is ever dropped.

use kit::clock::{self, Time};
use sha2::{Digest, Sha256};

use crate::entry::moment;

/// No name of a database is longer, in bytes: what is longer the server cuts off.
const LONGEST: usize = 63;

/// What a database beside the live one is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is being filled.
    Restore,
    /// It was live.
    Before,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Restore => "_restore_",
            Self::Before => "_before_",
        }
    }
}

/// A name that none of `taken` has.
pub(crate) fn free(live: &str, kind: Kind, time: Time, taken: &[String]) -> String {
    let first = format!("{}{}", prefix(live, kind), clock::file_name(time));
    let others = (2..).map(|number| format!("{first}-{number}"));
    let mut all = std::iter::once(first.clone()).chain(others);
    all.find(|name| !taken.contains(name)).unwrap_or(first)
}

/// Those of `all` that a restore of this database has made, the newest first.
pub(crate) fn of(live: &str, kind: Kind, all: &[String]) -> Vec<String> {
    let prefix = prefix(live, kind);
    let dated = |name: &String| Some((moment(name.strip_prefix(&prefix)?)?, name.clone()));
    let mut found: Vec<_> = all.iter().filter_map(dated).collect();
    found.sort();
    found.into_iter().rev().map(|(_, name)| name).collect()
}

/// What such names begin with. A long one is cut, and told from others that begin alike by a hash.
fn prefix(live: &str, kind: Kind) -> String {
    // Behind it come a moment, 20 characters, and perhaps a number.
    let room = LONGEST - kind.word().len() - "2026-11-21T10-15-00Z-99".len();
    if live.len() <= room {
        return format!("{live}{}", kind.word());
    }
    let hash = Sha256::digest(live.as_bytes());
    let hash: u32 = hash.iter().take(4).fold(0, |all, byte| (all << 8) | u32::from(*byte));
    let mut cut = room - 9;
    while !live.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}~{hash:08x}{}", live.get(..cut).unwrap_or_default(), kind.word())
}

#[cfg(test)]
mod tests {
    use super::{Kind, free, of};
    use kit::clock;

    #[test]
    fn every_name_fits_and_is_known_again() {
        let time = clock::of_file_name("2026-11-21T10-15-00Z").unwrap();
        for live in ["app", "", "größe 🔑", &"x".repeat(63), &"ü".repeat(31), &"🔑".repeat(15)] {
            for kind in [Kind::Restore, Kind::Before] {
                let first = free(live, kind, time, &[]);
                let second = free(live, kind, time, std::slice::from_ref(&first));
                assert!(first.len() <= 63 && second.len() <= 63 && first != second && first != live);
                assert_eq!(of(live, kind, &[first.clone(), second.clone()]), [second, first]);
            }
        }
        assert_eq!(free("app", Kind::Before, time, &[]), "app_before_2026-11-21T10-15-00Z");
    }

    #[test]
    fn nothing_else_is_taken_for_ours() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let others = names(&[
            "app",
            "app_before_",
            "app_before_the_move",
            "app_restore_2026-11-21T10-15-00Z",
            "apple_before_2026-11-21T10-15-00Z",
            "app_before_2026-11-21T10-15-00Z_mine",
        ]);
        assert_eq!(of("app", Kind::Before, &others), names(&[]));
        let alike = ["x".repeat(62), "x".repeat(63)].map(|live| free(&live, Kind::Before, clock::now(), &[]));
        assert_eq!(of(&"x".repeat(63), Kind::Before, &alike), [alike[1].clone()]);
    }
}
