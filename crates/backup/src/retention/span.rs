//! A length of time as retention counts it: `1y6m14d12h`, as restic writes it.

use std::fmt::{self, Display};

use chrono::{Days, Months, TimeDelta};
use kit::clock::Time;

/// Years, months, days and hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    years: u16,
    months: u16,
    days: u16,
    hours: u16,
}

impl Span {
    /// Understands `1y6m14d12h`, or some of it. `m` is months: nobody keeps backups for minutes, and who means them
    /// keeps more than was meant and not less.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::read(text).filter(|span| *span != Self::default()).ok_or_else(|| {
            format!("`{text}` is not a length of time such as 36h, 14d, 6m (months), 1y or 1y6m14d; supported: y m d h")
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (mut span, mut rest, mut seen) = (Self::default(), text, String::new());
        while !rest.is_empty() {
            let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
            let unit = after.chars().next().filter(|unit| !seen.contains(*unit))?;
            let number = number.parse().ok()?;
            match unit {
                'y' => span.years = number,
                'm' => span.months = number,
                'd' => span.days = number,
                'h' => span.hours = number,
                _ => return None,
            }
            seen.push(unit);
            rest = after.get(1..)?;
        }
        Some(span)
    }

    /// The moment so long before another. A day that a month does not have is the last that it has: a month before
    /// 31 March is the end of February. Before the beginning of the calendar is its beginning.
    pub(crate) fn before(self, time: Time) -> Time {
        let months = Months::new(12 * u32::from(self.years) + u32::from(self.months));
        let earlier =
            time.checked_sub_months(months).and_then(|time| time.checked_sub_days(Days::new(self.days.into())));
        let earliest = earlier.and_then(|time| time.checked_sub_signed(TimeDelta::hours(self.hours.into())));
        earliest.unwrap_or(Time::MIN_UTC)
    }
}

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, unit) in [(self.years, 'y'), (self.months, 'm'), (self.days, 'd'), (self.hours, 'h')] {
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Span;
    use kit::clock;

    #[test]
    fn a_span_is_read_and_told() {
        for (text, told) in [("14d", "14d"), ("1y6m14d12h", "1y6m14d12h"), ("12h2y", "2y12h"), ("0y5d", "5d")] {
            assert_eq!(Span::parse(text).unwrap().to_string(), told);
        }
        for wrong in ["", "0d", "14", "d", "1w", "30min", "-1d", "1d1d", "1d 2h", "65536d", "1é", "1.5d"] {
            assert!(Span::parse(wrong).unwrap_err().contains("supported: y m d h"), "{wrong:?}");
        }
    }

    #[test]
    fn it_is_counted_back_by_the_calendar() {
        for (from, span, expected) in [
            ("2024-03-31T03-00-00Z", "1m", "2024-02-29T03-00-00Z"),
            ("2023-03-31T03-00-00Z", "1m", "2023-02-28T03-00-00Z"),
            ("2024-02-29T03-00-00Z", "1y", "2023-02-28T03-00-00Z"),
            ("2024-03-01T03-00-00Z", "1d", "2024-02-29T03-00-00Z"),
            ("2024-03-01T03-00-00Z", "1y1m1d4h", "2023-01-30T23-00-00Z"),
        ] {
            let from = clock::of_file_name(from).unwrap();
            assert_eq!(clock::file_name(Span::parse(span).unwrap().before(from)), expected, "{span}");
        }
        let from = clock::of_file_name("2024-03-01T03-00-00Z").unwrap();
        assert!(Span::parse("65535y65535m65535d65535h").unwrap().before(from) < from);
    }
}
