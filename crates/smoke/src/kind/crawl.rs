//! A crawl: whether what an app links is there.

use std::path::Path;
use std::time::{Duration, Instant};

use kit::{Failure, clock};
use url::Url;

use crate::crawl::account::{Account, addresses};
use crate::crawl::pattern::Pattern;
use crate::crawl::{Frontier, Limits, Walk};
use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::quantity::counted;
use crate::grammar::relation::Relation;
use crate::grammar::template::{Captured, Template};
use crate::http::{Ask, Client, Manner, Request};
use crate::kind::Subject;
use crate::trial::Conditions;

/// The keys, in the order of the reference.
pub(crate) const KEYS: &[&str] =
    &["url", "depth", "pages", "per_host", "ignore", "external", "redirects", "headers", "basic", "ca", "socket"];

/// A check of all that can be reached from an address.
#[derive(Debug)]
struct Crawl {
    ask: Ask,
    request: Request,
    start: Url,
    limits: Limits,
    threads: usize,
    expectations: Expectations<CrawlAssertion>,
}

/// Takes the keys of a crawl check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let number = |number: Option<u32>, default: u16| number.map_or(usize::from(default), |number| number as usize);
    let limits = Limits {
        depth: keys.number("depth", 0..=20)?.unwrap_or(2),
        pages: number(keys.number("pages", 1..=10_000)?, 100),
        // Each is asked as an address of its own: the client follows none.
        redirects: keys.number("redirects", 0..=20)?.unwrap_or(5),
        outside: read_external(keys)?,
        ignore: read_ignore(keys)?,
    };
    let threads = number(keys.number("per_host", 1..=32)?, 4);
    let manner = Manner::read(keys)?;
    let ask = Ask::read(keys, manner)?;
    if limits.outside && ask.manner.socket.is_some() {
        return Err(keys.wrong_at("external", "behind a `socket` there is nothing `external`"));
    }
    let request = ask.request(&Captured::new()).map_err(|wrong| keys.wrong_at("url", wrong))?;
    let start = Url::parse(&request.head.uri().to_string());
    let start = start.map_err(|wrong| keys.wrong_at("url", format!("the address is wrong: {wrong}")))?;
    if limits.ignore.iter().any(|pattern| pattern.fits(&start)) {
        return Err(keys.wrong_at("ignore", "`ignore` holds the address where the crawl begins"));
    }
    Ok(Box::new(Crawl { ask, request, start, limits, threads, expectations: keys.expectations()? }))
}

/// Whether addresses of others are asked too.
fn read_external(keys: &mut Keys<'_>) -> Result<bool, Failure> {
    match keys.literal("external")?.as_deref() {
        None | Some("off") => Ok(false),
        Some("warn") => Ok(true),
        Some(_) => Err(keys.wrong_at("external", "`external` must be \"off\" or \"warn\"")),
    }
}

fn read_ignore(keys: &mut Keys<'_>) -> Result<Vec<Pattern>, Failure> {
    let patterns: Option<_> = keys.list("ignore", true)?.iter().map(|text| Pattern::new(text)).collect();
    patterns.ok_or_else(|| {
        let sentence =
            "`ignore` holds beginnings of paths or addresses: \"/logout\", \"/*/edit$\", \"https://example.org/\"";
        keys.wrong_at("ignore", sentence)
    })
}

impl Subject for Crawl {
    fn spell(&self) -> String {
        let (links, most) = (counted(self.limits.depth, "link", "links"), self.limits.pages);
        format!("{}, and {links} on, {most} at most", self.ask.manner.at(&self.request.address()))
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        self.walk(timeout, &conditions.dir).unwrap_or_else(|finding| finding)
    }
}

impl Crawl {
    fn walk(&self, timeout: Duration, dir: &Path) -> Result<Finding, Finding> {
        // Others see no header that is meant for the app, and no authority but the usual ones vouches for them.
        let outside = Manner { redirects: self.limits.redirects, ..Manner::default() };
        let like_outside = Ask::get(Template::fixed(self.start.as_str())).request(&Captured::new());
        let walk = Walk {
            client: &Client::new(&self.ask.manner, dir).map_err(Finding::blind)?,
            like: &self.request,
            client_outside: &Client::new(&outside, dir).map_err(Finding::blind)?,
            like_outside: &like_outside.map_err(Finding::bad)?,
            timeout,
            began: Instant::now(),
        };
        let walked = walk.run(Frontier::new(self.start.clone(), self.limits.clone()), self.threads)?;
        let account = Account::of(&walked);
        Ok(self.judge(&account, timeout).with(account.evidence()))
    }

    fn judge(&self, account: &Account, timeout: Duration) -> Finding {
        if let Some(line) = &account.no_start {
            return Finding::bad(format!("there is nothing to follow: {line}"));
        }
        if !account.unasked.is_empty() {
            let (asked, all) = (account.asked, addresses(account.asked + account.unasked.len()));
            let limit = clock::spell(clock::milliseconds(timeout));
            return Finding::bad(format!("only {asked} of {all} were asked within {limit}"));
        }
        self.expectations.find(account, Account::spell)
    }
}

/// What can be asserted of a crawl.
#[derive(Clone, Debug)]
pub(crate) enum CrawlAssertion {
    /// `broken == 0`
    Broken(Relation, u64),
    /// `pages >= 5`
    Pages(Relation, u64),
    /// `time < 5s`
    Time(Relation, Duration),
}

impl Assertion for CrawlAssertion {
    type Seen = Account;

    const WORDS: &'static str = "broken, pages or time (a crawl check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        let count = |cursor: &mut Cursor<'_>, allowed: &[Relation]| {
            Ok((Relation::read(cursor, allowed)?, cursor.number("a number such as 5")?))
        };
        let few = [Relation::Equal, Relation::LessOrEqual, Relation::Less];
        match word {
            "broken" => Some(count(cursor, &few).map(|(relation, limit)| Self::Broken(relation, limit))),
            "pages" => Some(count(cursor, Relation::ABOVE).map(|(relation, limit)| Self::Pages(relation, limit))),
            "time" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Time(relation, limit))),
            _ => None,
        }
    }

    fn judge(&self, account: &Account) -> Result<(), String> {
        match self {
            Self::Broken(relation, limit) if relation.holds(&(account.broken.len() as u64), limit) => Ok(()),
            Self::Broken(..) => Err(account.spell_broken()),
            Self::Pages(relation, limit) if relation.holds(&(account.good as u64), limit) => Ok(()),
            Self::Pages(..) if account.good == 1 => Err("1 address answers".to_owned()),
            Self::Pages(..) => Err(format!("{} answer", addresses(account.good))),
            Self::Time(relation, limit) if relation.holds(&account.took, limit) => Ok(()),
            Self::Time(..) => Err(format!("it took {} ms", account.took.as_millis())),
        }
    }
}
