//! Which version of PostgreSQL a server or a client is, and what follows from that.

use std::fmt::{self, Display};

/// A version: `15.18`, `9.6.24`, `17beta1`. Two are of the same major version when they store and dump alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    major: (u32, u32),
    minor: u32,
}

impl Version {
    /// The first version in what a server or a program says of itself: `15.18 (Debian 15.18-0+deb12u1)`,
    /// `pg_dump (PostgreSQL) 9.6.24`, `17beta1`. What is not released yet has the minor number 0.
    #[must_use]
    pub(crate) fn find(text: &str) -> Option<Self> {
        let word = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
        let end = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let mut numbers = word.get(..end)?.split('.').map(|number| number.parse::<u32>().ok());
        let first = numbers.next().flatten()?;
        // Until 9.6 a major version had two numbers.
        let second = if first < 10 { numbers.next().flatten()? } else { 0 };
        Some(Self { major: (first, second), minor: numbers.next().flatten().unwrap_or(0) })
    }

    /// Whether a dump of one may be made by the client of the other. An older client cannot read the server; a newer one
    /// writes settings that the server does not know when it is to take them back.
    #[must_use]
    pub(crate) fn is_same_major(self, other: Self) -> bool {
        self.major == other.major
    }

    /// Whether its psql knows `\restrict`, which keeps a dump from running commands on this host (CVE-2025-8714).
    #[must_use]
    pub(crate) fn knows_restrict(self) -> bool {
        match self.major.0 {
            0..13 => false,
            13 => self.minor >= 22,
            14 => self.minor >= 19,
            15 => self.minor >= 14,
            16 => self.minor >= 10,
            17 => self.minor >= 6,
            _ => true,
        }
    }

    /// Its major version: `15`, `9.6`.
    #[must_use]
    pub(crate) fn major(self) -> String {
        match self.major {
            (first @ 10.., _) => first.to_string(),
            (first, second) => format!("{first}.{second}"),
        }
    }
}

impl Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major(), self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version(text: &str) -> Version {
        Version::find(text).unwrap()
    }

    #[test]
    fn a_version_is_found_in_what_servers_and_programs_say() {
        for (text, is, major) in [
            ("15.18 (Debian 15.18-0+deb12u1)", "15.18", "15"),
            ("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18", "15"),
            ("psql (PostgreSQL) 9.6.24", "9.6.24", "9.6"),
            ("10.23", "10.23", "10"),
            ("17beta1", "17.0", "17"),
            ("18rc1 (Ubuntu 18~rc1-1.pgdg24.04+1)", "18.0", "18"),
            ("16devel", "16.0", "16"),
        ] {
            assert_eq!((version(text).to_string().as_str(), version(text).major().as_str()), (is, major), "{text}");
        }
        for text in ["", "PostgreSQL", "9", "v15", "99999999999999.1"] {
            assert_eq!(Version::find(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_same_major_version_dumps() {
        assert!(version("15.1").is_same_major(version("15.18")) && version("9.6.1").is_same_major(version("9.6.24")));
        for (one, other) in [("15.18", "16.18"), ("9.6.3", "9.5.3"), ("10.3", "9.6.3")] {
            assert!(!version(one).is_same_major(version(other)));
        }
        assert!(version("9.6.24") < version("10.0"));
    }

    #[test]
    fn the_clients_that_can_be_restricted_are_known() {
        for text in ["13.22", "14.19", "15.14", "15.18", "16.10", "17.6", "18beta1", "19.0"] {
            assert!(version(text).knows_restrict(), "{text}");
        }
        for text in ["9.6.24", "12.22", "13.21", "14.18", "15.13", "16.9", "17.5", "17beta1"] {
            assert!(!version(text).knows_restrict(), "{text}");
        }
    }
}
