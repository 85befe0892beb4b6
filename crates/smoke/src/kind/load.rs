//! The load of the machine: how many processes ran or waited for a processor or a disk, on average.

use std::fs;
use std::thread;
use std::time::Duration;

use kit::failure::Attempt;
use kit::{Exit, Failure};

use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::quantity::counted;
use crate::grammar::relation::Relation;
use crate::kind::Subject;
use crate::trial::Conditions;

/// Over how many minutes (proc_loadavg(5)).
const AVERAGES: [&str; 3] = ["one", "five", "fifteen"];

/// A check of the load.
#[derive(Debug)]
struct Load {
    expectations: Expectations<LoadAssertion>,
}

/// What was seen.
#[derive(Debug)]
pub(crate) struct Averages {
    averages: [f64; 3],
    processors: f64,
}

/// `five < 4`, `fifteen < 1.5 per cpu`
#[derive(Clone, Debug)]
pub(crate) struct LoadAssertion {
    /// Its place in [`AVERAGES`].
    over: usize,
    relation: Relation,
    limit: f64,
    per_processor: bool,
}

/// Takes the keys of a load check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    Ok(Box::new(Load { expectations: keys.expectations()? }))
}

impl Subject for Load {
    fn spell(&self) -> String {
        "this machine".to_owned()
    }

    fn look(&self, _timeout: Duration, _conditions: &Conditions) -> Finding {
        match Averages::find() {
            Ok(averages) => self.expectations.find(&averages, Averages::spell),
            Err(failure) => Finding::blind(failure),
        }
    }
}

impl Averages {
    fn find() -> Result<Self, Failure> {
        let text = fs::read_to_string("/proc/loadavg").attempt("read /proc/loadavg")?;
        let averages = Self::read(&text);
        let averages = averages.ok_or_else(|| Failure::new(Exit::IO, "/proc/loadavg does not tell the load"))?;
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { averages, processors: u32::try_from(processors).map_or(1.0, f64::from) })
    }

    fn read(text: &str) -> Option<[f64; 3]> {
        let mut fields = text.split(' ').map(|field| field.parse().ok());
        Some([fields.next()??, fields.next()??, fields.next()??])
    }

    fn spell(&self) -> String {
        let [one, five, fifteen] = self.averages;
        let processors = counted(self.processors, "processor", "processors");
        format!("{one} {five} {fifteen} over 1, 5 and 15 minutes, {processors}")
    }
}

impl Assertion for LoadAssertion {
    type Seen = Averages;

    const WORDS: &'static str = "one, five or fifteen (a load check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        let over = AVERAGES.iter().position(|known| *known == word)?;
        Some(read_limit(over, cursor))
    }

    fn judge(&self, seen: &Averages) -> Result<(), String> {
        let average = seen.averages.get(self.over).copied().unwrap_or(f64::MAX);
        let limit = if self.per_processor { self.limit * seen.processors } else { self.limit };
        if self.relation.holds(&average, &limit) { Ok(()) } else { Err(format!("the load is {}", seen.spell())) }
    }
}

fn read_limit(over: usize, cursor: &mut Cursor<'_>) -> Result<LoadAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::BELOW)?;
    let here = cursor.here();
    let number = cursor.take_while(|c| c.is_ascii_digit() || c == '.');
    let limit = number.parse().map_err(|_| here.wrong("a number such as 4 or 1.5"))?;
    let per_processor = cursor.keyword("per").is_ok();
    if per_processor {
        cursor.keyword("cpu")?;
    }
    Ok(LoadAssertion { over, relation, limit, per_processor })
}

#[cfg(test)]
mod tests {
    use super::{Averages, LoadAssertion};
    use crate::grammar::cursor::Cursor;
    use crate::grammar::expectation::Expectation;

    #[test]
    fn the_load_is_compared_as_it_is_and_per_processor() {
        let seen = Averages { averages: Averages::read("3.10 1.25 0.40 2/345 6789\n").unwrap(), processors: 2.0 };
        let judge = |line: &str| Expectation::<LoadAssertion>::parse(Cursor::new(line)).unwrap().judge(&seen);
        for good in ["one < 4", "one < 1.6 per cpu", "five <= 1.25", "fifteen < .5"] {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
        assert_eq!(
            judge("one < 1.5 per cpu").unwrap_err(),
            "the load is 3.1 1.25 0.4 over 1, 5 and 15 minutes, 2 processors, expected one < 1.5 per cpu"
        );
        assert!(judge("five < 1.25").is_err() && Averages::read("1 2").is_none());
    }
}
