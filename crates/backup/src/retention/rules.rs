//! What is to be kept: the rules of `restic forget`, and days.

use clap::Args;
use db::Entry;
use kit::clock::Time;

use super::period::Period;
use super::span::Span;
use crate::quantity::count;

const DAY: u64 = 24 * 60 * 60 * 1000;

const KEEP: &str = "Options of prune, and of create for pruning afterwards";

/// A set is kept when any rule keeps it.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Keep the newest N; damaged and suspect backups do not count
    #[arg(long = "keep-last", value_name = "N", env = "BACKUP_KEEP_LAST", value_parser = some, help_heading = KEEP)]
    pub(crate) last: Option<u32>,

    /// Keep the newest of each of the last N hours that have a backup
    #[arg(long = "keep-hourly", value_name = "N", env = "BACKUP_KEEP_HOURLY", value_parser = some, help_heading = KEEP)]
    pub(crate) hourly: Option<u32>,

    /// Keep the newest of each of the last N days that have one; days, like all periods, are those of UTC
    #[arg(long = "keep-daily", value_name = "N", env = "BACKUP_KEEP_DAILY", value_parser = some, help_heading = KEEP)]
    pub(crate) daily: Option<u32>,

    /// Keep the newest of each of the last N weeks that have one; a week begins on Monday (ISO 8601)
    #[arg(long = "keep-weekly", value_name = "N", env = "BACKUP_KEEP_WEEKLY", value_parser = some, help_heading = KEEP)]
    pub(crate) weekly: Option<u32>,

    /// Keep the newest of each of the last N months that have one
    #[arg(long = "keep-monthly", value_name = "N", env = "BACKUP_KEEP_MONTHLY", value_parser = some, help_heading = KEEP)]
    pub(crate) monthly: Option<u32>,

    /// Keep the newest of each of the last N years that have one
    #[arg(long = "keep-yearly", value_name = "N", env = "BACKUP_KEEP_YEARLY", value_parser = some, help_heading = KEEP)]
    pub(crate) yearly: Option<u32>,

    /// Keep what is less than DURATION older than the newest: 36h, 14d, 6m (months), 1y or 1y6m14d
    #[arg(long = "keep-within", value_name = "DURATION", env = "BACKUP_KEEP_WITHIN", value_parser = Span::parse, help_heading = KEEP)]
    pub(crate) within: Option<Span>,

    /// Keep what was made within D days before the newest
    #[arg(long = "keep-days", value_name = "D", env = "BACKUP_KEEP_DAYS", value_parser = some, help_heading = KEEP)]
    pub(crate) days: Option<u32>,
}

impl Rules {
    /// The rules at work on these good sets, newest first: for each the reasons why it is kept, none when it is not.
    pub(crate) fn judge(&self, good: &[(&Entry, Time)]) -> Vec<Vec<String>> {
        let Some((_, newest)) = good.first() else { return Vec::new() };
        let mut counts = self.counts();
        let judge = |(index, (_, made_at)): (usize, &(&Entry, Time))| {
            let mut reasons = self.recent(index, *made_at, *newest);
            let is_oldest = index + 1 == good.len();
            reasons.extend(counts.iter_mut().filter_map(|count| count.keep(*made_at, is_oldest)));
            reasons
        };
        good.iter().enumerate().map(judge).collect()
    }

    /// The reasons that lie in how near to the newest a set is. Time is counted back from there and not from now, or a
    /// clock that jumps ahead would empty the directory.
    fn recent(&self, index: usize, made_at: Time, newest: Time) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Some(last) = self.last.filter(|last| index < *last as usize) {
            reasons.push(format!("last {last}"));
        }
        if let Some(within) = self.within.filter(|within| made_at > within.before(newest)) {
            reasons.push(format!("within {within}"));
        }
        let age = u64::try_from((newest - made_at).num_milliseconds()).unwrap_or_default();
        if let Some(days) = self.days.filter(|days| age <= u64::from(*days) * DAY) {
            reasons.push(format!("within {}", count(days.into(), "day")));
        }
        reasons
    }

    fn counts(&self) -> Vec<Count> {
        let rules = [
            (self.hourly, Period::Hour),
            (self.daily, Period::Day),
            (self.weekly, Period::Week),
            (self.monthly, Period::Month),
            (self.yearly, Period::Year),
        ];
        let count = |(rule, period): (Option<u32>, Period)| rule.map(|wanted| Count::new(period, wanted));
        rules.into_iter().filter_map(count).collect()
    }
}

/// How far a rule of periods has come on its way from the newest to the oldest.
struct Count {
    period: Period,
    wanted: u32,
    found: u32,
    current: Option<String>,
}

impl Count {
    fn new(period: Period, wanted: u32) -> Self {
        Self { period, wanted, found: 0, current: None }
    }

    /// Why a set is kept, if it is: it is the newest of its period. As in restic, the oldest set of all stays as well
    /// while there are fewer periods than wanted: so a history grows to its full length, instead of losing its beginning
    /// whenever a newer set of the same period comes.
    fn keep(&mut self, made_at: Time, is_oldest: bool) -> Option<String> {
        if self.found == self.wanted {
            return None;
        }
        let name = self.period.name(made_at);
        let word = self.period.word();
        if self.current.as_ref() != Some(&name) {
            self.found += 1;
            let reason = format!("{word} {name}");
            self.current = Some(name);
            return Some(reason);
        }
        is_oldest.then(|| format!("oldest until there are {} {word}", self.wanted))
    }
}

fn some(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Err("0 would keep nothing; supported: 1 and more".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is not a whole number; supported: 1 to {}", u32::MAX)),
    }
}
