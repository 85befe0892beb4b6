//! Amounts of disk space and how people write them.

use crate::cursor::{Cursor, Wrong};

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
        cursor.blanks();
        let here = cursor.clone();
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

    /// Reads `1000` or `5%`.
    pub(crate) fn read_count(cursor: &mut Cursor<'_>) -> Result<Self, Wrong> {
        cursor.blanks();
        let here = cursor.clone();
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
    use super::{Quantity, spell};
    use crate::cursor::Cursor;

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
}
