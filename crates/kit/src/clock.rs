//! The clocks: that on the wall (UTC), how its times are written, and the one that nobody sets.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, SecondsFormat, SubsecRound, Utc};
use rustix::time::{ClockId, clock_gettime};

/// A moment in UTC.
pub type Time = DateTime<Utc>;

/// How a moment is written in a file name.
const FILE_NAME: &str = "%Y-%m-%dT%H-%M-%SZ";

/// Now, cut to the milliseconds that records hold, so that a time written and read back is equal.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> Time {
    Utc::now().trunc_subsecs(3)
}

/// What the clock says that nobody sets and that stands still while the machine sleeps (`CLOCK_MONOTONIC`,
/// `clock_gettime(2)`): other programs tell times of it.
#[must_use]
pub fn monotonic() -> Duration {
    // It is never before its beginning.
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// RFC 3339 in UTC with milliseconds: `2026-11-21T10:15:00.123Z`.
#[must_use]
pub fn rfc3339(time: Time) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A moment as a file name, in whole seconds: `2026-11-21T10-15-00Z`. Names sort as times do.
#[must_use]
pub fn file_name(time: Time) -> String {
    time.format(FILE_NAME).to_string()
}

/// The moment that a person wrote: RFC 3339, or the name of a backup.
#[must_use]
pub fn of_text(text: &str) -> Option<Time> {
    let time = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc());
    time.ok().or_else(|| of_file_name(text))
}

/// The moment that [`file_name`] wrote; `None` for a text that it does not write.
#[must_use]
pub fn of_file_name(name: &str) -> Option<Time> {
    let time = NaiveDateTime::parse_from_str(name, FILE_NAME).ok()?.and_utc();
    (file_name(time) == name).then_some(time)
}

/// A length of time as records hold it: whole milliseconds.
#[must_use]
pub fn milliseconds(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// A length of time for a person: `0.8 s`, `12.3 s`, `2 min 05 s`.
#[must_use]
pub fn spell(milliseconds: u64) -> String {
    // A journal may hold any number.
    let tenths = milliseconds.saturating_add(50) / 100;
    let seconds = milliseconds.saturating_add(500) / 1000;
    if tenths < 600 {
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::{file_name, now, of_file_name, rfc3339, spell};

    #[test]
    fn a_time_survives_writing_and_reading() {
        let time = now();
        let back = chrono::DateTime::parse_from_rfc3339(&rfc3339(time)).unwrap();
        assert_eq!(back, time);
        assert_eq!(file_name(time).len(), "2026-11-21T10-15-00Z".len());
    }

    #[test]
    fn a_file_name_is_a_moment_only_in_the_form_that_is_written() {
        let time = of_file_name("2024-02-29T23-59-59Z").unwrap();
        assert_eq!(file_name(time), "2024-02-29T23-59-59Z");
        for other in ["2026-02-29T00-00-00Z", "2026-1-1T0-0-0Z", "2026-01-01T00-00-00Z ", "+2026-01-01T00-00-00Z", ""] {
            assert_eq!(of_file_name(other), None, "{other:?}");
        }
    }

    #[test]
    fn lengths_are_spelled_for_people() {
        assert_eq!(spell(0), "0.0 s");
        assert_eq!(spell(849), "0.8 s");
        assert_eq!(spell(59_960), "1 min 00 s");
        assert_eq!(spell(125_000), "2 min 05 s");
        assert_eq!(spell(u64::MAX), "307445734561825 min 51 s");
    }
}
