//! Whether a new backup is so much smaller than the last good one that a person should look first: a database that an
//! accident emptied is backed up without any error, and rotation would then carry the good ones away.

use db::{Entry, Format, Manifest, Store};
use kit::Failure;
use kit::quantity::size;

use crate::owner::Owner;
use crate::quantity::count;

/// So many rows the last one must have had: in a tiny database half is gone with a handful.
const ROWS: u64 = 100;

/// So many bytes: sixteen pages of SQLite's usual size.
const BYTES: u64 = 64 * 1024;

/// What a new backup is measured by: the last good one of the same owner.
pub(crate) struct Gate {
    name: String,
    last: Manifest,
    percent: u8,
}

impl Gate {
    /// The gate for the next backup; `None` when there is no good one yet. A damaged or suspect one is no measure.
    pub(crate) fn find(store: &Store, owner: &Owner, percent: u8) -> Result<Option<Self>, Failure> {
        let last = store.entries()?.into_iter().find(|entry| entry.is_good() && owner.owns(entry));
        Ok(last.and_then(|Entry { name, manifest, .. }| Some(Self { name, last: manifest?, percent })))
    }

    /// How many bytes are to be expected of a new backup in this format.
    pub(crate) fn expected(&self, format: Format) -> Option<u64> {
        (self.last.format == format).then_some(self.last.raw.size)
    }

    /// Why the new backup is suspect, if it is: it has less than that share of the rows, or of the bytes, where those are
    /// in the same format.
    pub(crate) fn suspicion(&self, new: &Manifest) -> Option<String> {
        let Self { name, last, .. } = self;
        if self.shrank(last.rows(), new.rows(), ROWS) {
            return Some(format!("it has {}, and {name} had {}", count(new.rows(), "row"), count(last.rows(), "row")));
        }
        let sizes =
            || format!("its database has {}, and that of {name} had {}", size(new.raw.size), size(last.raw.size));
        let alike = last.format == new.format;
        (alike && self.shrank(last.raw.size, new.raw.size, BYTES)).then(sizes)
    }

    fn shrank(&self, from: u64, to: u64, floor: u64) -> bool {
        from >= floor && u128::from(to) * 100 < u128::from(from) * u128::from(self.percent)
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES, Gate, ROWS};
    use crate::retention::sample::{entry, owner};
    use db::{Format, Manifest};

    fn manifest(rows: u64, bytes: u64) -> Manifest {
        let mut manifest = entry("2024-03-01T03-00-00Z", &owner()).manifest.unwrap();
        manifest.tables.insert("t".to_owned(), rows);
        manifest.raw.size = bytes;
        manifest
    }

    fn suspicion(percent: u8, last: (u64, u64), new: (u64, u64)) -> Option<String> {
        Gate { name: "LAST".to_owned(), last: manifest(last.0, last.1), percent }.suspicion(&manifest(new.0, new.1))
    }

    #[test]
    fn less_than_half_of_the_rows_or_of_the_bytes_is_suspect() {
        let last = (3400, 1_000_000);
        assert_eq!(suspicion(50, last, (1700, 500_000)), None);
        assert_eq!(suspicion(50, last, (1699, 500_000)).unwrap(), "it has 1,699 rows, and LAST had 3,400 rows");
        let said = "its database has 488.3 KiB, and that of LAST had 976.6 KiB";
        assert_eq!(suspicion(50, last, (3400, 499_999)).unwrap(), said);
        assert_eq!(suspicion(50, last, (9000, 9_000_000)), None);
    }

    #[test]
    fn bytes_in_another_format_are_not_compared_and_rows_are() {
        let new = |rows: u64, format: Format| Manifest { format, ..manifest(rows, 1) };
        let gate = Gate { name: "LAST".to_owned(), last: manifest(1000, 1_000_000), percent: 50 };
        assert_eq!((gate.expected(gate.last.format), gate.expected(Format::Directory)), (Some(1_000_000), None));
        assert!(gate.suspicion(&new(1000, gate.last.format)).is_some());
        assert_eq!(gate.suspicion(&new(1000, Format::Directory)), None);
        assert!(gate.suspicion(&new(10, Format::Directory)).is_some());
    }

    #[test]
    fn a_tiny_database_may_shrink_and_so_may_any_without_a_limit() {
        assert_eq!(suspicion(50, (ROWS - 1, BYTES - 1), (0, 0)), None);
        assert!(suspicion(50, (ROWS, 0), (0, 0)).is_some() && suspicion(50, (0, BYTES), (0, 0)).is_some());
        assert_eq!(suspicion(0, (u64::MAX, u64::MAX), (0, 0)), None);
        assert!(suspicion(100, (u64::MAX, 0), (u64::MAX - 1, 0)).is_some());
    }
}
