//! The commit that should answer.

use std::fmt::{self, Display};
use std::str::FromStr;

use kit::root::commit_digits;

/// A commit, whole or its first digits: at least seven, lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Commit(String);

impl Commit {
    /// Whether the two name the same commit, as far as the shorter one tells.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }

    /// Its first digits, for a person.
    pub(crate) fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl FromStr for Commit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        commit_digits(text).map(Self)
    }
}

impl Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Commit;

    #[test]
    fn a_prefix_of_seven_digits_agrees_either_way() {
        let commit = |text: &str| text.parse::<Commit>();
        let full = commit("3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d3f2a1c9d").unwrap();
        let short = commit("3F2A1C9").unwrap();
        assert!(full.agrees(&short) && short.agrees(&full));
        assert!(!full.agrees(&commit("3f2a1c8").unwrap()));
        for wrong in ["", "3f2a1c", "unknown", "3f2a1c9-dirty", "zzzzzzz"] {
            assert!(commit(wrong).is_err(), "{wrong:?}");
        }
    }
}
