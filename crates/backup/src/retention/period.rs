//! Hours, days, weeks, months and years: in UTC, and weeks as ISO 8601 has them.

use kit::clock::Time;

/// A length of the calendar of which one backup may stand for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Period {
    /// The name of the one that this moment lies in. Moments with the same name are in the same one: a week's year is
    /// that of its Thursday, so the last days of December and the first of January share one.
    pub(crate) fn name(self, time: Time) -> String {
        let form = match self {
            Self::Hour => "%Y-%m-%dT%H",
            Self::Day => "%Y-%m-%d",
            Self::Week => "%G-W%V",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        time.format(form).to_string()
    }

    /// `daily`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Hour => "hourly",
            Self::Day => "daily",
            Self::Week => "weekly",
            Self::Month => "monthly",
            Self::Year => "yearly",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Period;
    use kit::clock;

    #[test]
    fn a_week_belongs_to_the_year_of_its_thursday() {
        for (day, week) in [
            ("2020-12-27", "2020-W52"),
            ("2020-12-28", "2020-W53"),
            ("2021-01-03", "2020-W53"),
            ("2021-01-04", "2021-W01"),
            ("2024-12-29", "2024-W52"),
            ("2024-12-30", "2025-W01"),
            ("2024-02-29", "2024-W09"),
        ] {
            let time = clock::of_file_name(&format!("{day}T23-59-59Z")).unwrap();
            assert_eq!(Period::Week.name(time), week, "{day}");
        }
    }

    #[test]
    fn every_period_has_a_name_that_a_person_knows() {
        let time = clock::of_file_name("2026-11-21T10-15-00Z").unwrap();
        let periods = [Period::Hour, Period::Day, Period::Week, Period::Month, Period::Year];
        let said = periods.map(|period| format!("{} {}", period.word(), period.name(time)));
        let expected =
            ["hourly 2026-11-21T10", "daily 2026-11-21", "weekly 2026-W47", "monthly 2026-11", "yearly 2026"];
        assert_eq!(said, expected);
    }
}
