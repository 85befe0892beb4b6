//! Sizes and ages as a person reads them.

use crate::clock::Time;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// `512 B`, `8.0 KiB`, `1.5 GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = "B";
    let mut tenths = u128::from(bytes) * 10;
    for next in units {
        // What would be spelled 1024.0 is one of the next.
        if tenths < 10_240 {
            break;
        }
        unit = next;
        tenths = (tenths + 512) / 1024;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) }
}

/// How long ago that was: `12 s`, `5 min`, `3 h`, `12 days`; `in 3 h` for what is still to come.
#[must_use]
pub fn age(then: Time, now: Time) -> String {
    let seconds = (now - then).num_seconds();
    let (number, unit) = match seconds.unsigned_abs() {
        seconds if seconds < 2 * MINUTE => (seconds, "s"),
        seconds if seconds < 2 * HOUR => (seconds / MINUTE, "min"),
        seconds if seconds < 2 * DAY => (seconds / HOUR, "h"),
        seconds => (seconds / DAY, "days"),
    };
    let before = if seconds < 0 { "in " } else { "" };
    format!("{before}{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::{age, size};
    use crate::clock;

    #[test]
    fn sizes_are_spelled_in_the_unit_that_fits() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (8192, "8.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn an_age_is_spelled_in_the_unit_that_fits() {
        let now = clock::of_file_name("2026-03-01T12-00-00Z").unwrap();
        for (then, expected) in [
            ("2026-03-01T12-00-00Z", "0 s"),
            ("2026-03-01T11-55-00Z", "5 min"),
            ("2026-03-01T09-00-01Z", "2 h"),
            ("2026-02-28T12-00-00Z", "24 h"),
            ("2026-02-27T12-00-00Z", "2 days"),
            ("2025-03-01T12-00-00Z", "365 days"),
            ("2026-03-01T15-00-00Z", "in 3 h"),
        ] {
            assert_eq!(age(clock::of_file_name(then).unwrap(), now), expected, "{then}");
        }
    }
}
