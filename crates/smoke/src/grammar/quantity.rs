//! Amounts, and how people write them.

use std::fmt::Display;
use std::time::Duration;

use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::relation::Relation;

/// The units, the longer of two that begin alike first. SI units count in thousands, the others in 1024s.
const UNITS: [(&str, u64); 9] = [
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("B", 1),
];

/// An amount, or a share of the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantity {
    /// So many.
    Count(u64),
    /// So many of a hundred.
    Percent(u64),
}

impl Quantity {
    /// Reads `100MB` or `5%`.
    pub(crate) fn read_bytes(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let expected = "an amount such as 100MB, 1GiB or 5%";
        let here = cursor.here();
        let number = cursor.number(expected)?;
        cursor.blanks();
        if cursor.take("%") {
            return Self::percent(number).ok_or_else(|| here.wrong("at most 100%"));
        }
        let Some((_, size)) = UNITS.iter().find(|(unit, _)| cursor.take(unit)) else {
            return Err(cursor.wrong("B, kB, MB, GB, TB, KiB, MiB, GiB, TiB or %"));
        };
        number.checked_mul(*size).map(Self::Count).ok_or_else(|| here.wrong("an amount that a disk can have"))
    }

    /// Reads `100MB`, which no share can stand for.
    pub(crate) fn read_size(cursor: &mut Cursor<'_>) -> Result<u64, Wrong> {
        let here = cursor.here();
        match Self::read_bytes(cursor)? {
            Self::Count(count) => Ok(count),
            Self::Percent(_) => Err(here.wrong("an amount such as 100MB or 1GiB")),
        }
    }

    /// Reads `1000` or `5%`.
    pub(crate) fn read_count(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        let here = cursor.here();
        let number = cursor.number("a number such as 1000 or 5%")?;
        cursor.blanks();
        if cursor.take("%") {
            return Self::percent(number).ok_or_else(|| here.wrong("at most 100%"));
        }
        Ok(Self::Count(number))
    }

    fn percent(number: u64) -> Option<Self> {
        (number <= 100).then_some(Self::Percent(number))
    }
}

/// A part of a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) free: u64,
    pub(crate) total: u64,
}

impl Share {
    pub(crate) fn percent(self) -> u128 {
        u128::from(self.free) * 100 / u128::from(self.total).max(1)
    }

    /// Whether it compares so with an amount, or with a share of the whole.
    pub(crate) fn holds(self, relation: Relation, wanted: Quantity) -> bool {
        match wanted {
            Quantity::Count(count) => relation.holds(&self.free, &count),
            // Multiplied, not divided: 5.9 % is more than 5 %.
            Quantity::Percent(percent) => {
                relation.holds(&(u128::from(self.free) * 100), &(u128::from(self.total) * u128::from(percent)))
            }
        }
    }
}

/// So many things for a person: `1 row`, `3 rows`.
pub(crate) fn counted<N: Copy + Display + From<u8> + PartialEq>(number: N, one: &str, several: &str) -> String {
    format!("{number} {}", if number == N::from(1) { one } else { several })
}

/// An age for a person, in the largest unit of which there are two: `90 s`, `37 min`, `30 h`, `14 days`.
pub(crate) fn spell_age(age: Duration) -> String {
    match age.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

/// A size for a person, in thousands as disks are sold: `12.3 GB`.
pub(crate) fn spell(bytes: u64) -> String {
    for (unit, size) in [("TB", 1_000_000_000_000_u64), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)] {
        if bytes >= size {
            return format!("{}.{} {unit}", bytes / size, bytes % size * 10 / size);
        }
    }
    format!("{bytes} B")
}

#[cfg(test)]
mod tests {
    use super::{Quantity, counted, spell, spell_age};
    use crate::grammar::cursor::Cursor;
    use std::time::Duration;

    #[test]
    fn amounts_are_read_in_their_units() {
        let read = |text| Quantity::read_bytes(&mut Cursor::new(text)).ok();
        assert_eq!(read("100MB"), Some(Quantity::Count(100_000_000)));
        assert_eq!(read(" 1 KiB"), Some(Quantity::Count(1024)));
        assert_eq!(read("0B"), Some(Quantity::Count(0)));
        assert_eq!(read("5%"), Some(Quantity::Percent(5)));
        for wrong in ["", "MB", "1", "1mb", "101%", "-1MB", "99999999TB", "99999999999999999999B"] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_spelled_for_people() {
        assert_eq!(spell(999), "999 B");
        assert_eq!(spell(12_345_678_901), "12.3 GB");
        assert_eq!(spell(u64::MAX), "18446744.0 TB");
    }

    #[test]
    fn one_thing_is_not_several() {
        let rows = [0, 1, 2].map(|number: usize| counted(number, "row", "rows"));
        assert_eq!(rows, ["0 rows", "1 row", "2 rows"]);
        assert_eq!(counted(1.0, "processor", "processors"), "1 processor");
    }

    #[test]
    fn an_age_has_the_largest_unit_of_which_there_are_two() {
        for (seconds, spelled) in
            [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 days")]
        {
            assert_eq!(spell_age(Duration::from_secs(seconds)), spelled);
        }
    }
}
