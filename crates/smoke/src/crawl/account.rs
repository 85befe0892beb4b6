//! What a crawl found, in words.

use std::time::Duration;

use kit::voice;
use url::Url;

use crate::crawl::frontier::{Fate, Frontier, Stop, Way};
use crate::crawl::pattern::path;
use crate::crawl::walk::Walked;
use crate::evidence::Evidence;
use crate::grammar::quantity::counted;
use crate::grammar::text::cut;
use crate::http::veiled_query;

/// How many broken addresses a sentence names, and how many a list.
const NAMED: usize = 3;
const LISTED: usize = 50;

/// How much of an address is shown, in characters.
const SHOWN: usize = 100;

/// A value in a query that is longer may be a secret, whatever it is called.
const VALUE: usize = 24;

/// A crawl that has come to its end.
#[derive(Debug)]
pub(crate) struct Account {
    /// Addresses of the app that were asked.
    pub(crate) asked: usize,
    /// Those that were not, for want of time.
    pub(crate) unasked: Vec<String>,
    /// Those that answer, and redirect nowhere.
    pub(crate) good: usize,
    pub(crate) broken: Vec<String>,
    /// What is broken of others, and how many of theirs were not asked.
    elsewhere: Vec<String>,
    unasked_elsewhere: usize,
    /// What else there is to say.
    unread: usize,
    too_long: usize,
    is_full: bool,
    pub(crate) took: Duration,
    /// Why there is nothing to follow: the start itself is broken.
    pub(crate) no_start: Option<String>,
}

impl Account {
    pub(crate) fn of(walked: &Walked) -> Self {
        let frontier = &walked.frontier;
        let of = |is_outside: bool, fits: fn(&Stop) -> bool| {
            let fits = move |(_, stop): &(usize, &Stop)| stop.is_outside == is_outside && fits(stop);
            frontier.stops().filter(fits).map(|(number, _)| number).collect::<Vec<_>>()
        };
        let lines = |numbers: Vec<usize>| numbers.into_iter().map(|number| line(frontier, number)).collect::<Vec<_>>();
        let start = frontier.end(Some(0)).filter(|end| frontier.stop(*end).is_some_and(Stop::is_broken));
        Self {
            asked: of(false, |stop| stop.fate != Fate::Unasked).len(),
            unasked: lines(of(false, |stop| stop.fate == Fate::Unasked)),
            good: of(false, Stop::is_good).len(),
            broken: lines(of(false, Stop::is_broken)),
            elsewhere: lines(of(true, Stop::is_broken)),
            unasked_elsewhere: of(true, |stop| stop.fate == Fate::Unasked).len(),
            unread: walked.unread,
            too_long: frontier.too_long,
            is_full: frontier.is_full,
            took: walked.took,
            no_start: start.map(|number| line(frontier, number)),
        }
    }

    /// `2 are broken: …`
    pub(crate) fn spell_broken(&self) -> String {
        are_broken(&self.broken)
    }

    /// `37 addresses, 0 broken, 820 ms`, and what has to be said besides.
    pub(crate) fn spell(&self) -> String {
        let mut said = format!("{}, {} broken, {} ms", addresses(self.asked), self.broken.len(), self.took.as_millis());
        if self.is_full {
            said += "; there are more than `pages` allows";
        }
        if !self.broken.is_empty() {
            said += &format!("; {}", self.spell_broken());
        }
        if !self.elsewhere.is_empty() {
            said += &format!("; elsewhere {}", are_broken(&self.elsewhere));
        }
        for (number, what) in [
            (self.unasked_elsewhere, "elsewhere not asked in time"),
            (self.unread, "not read to the end"),
            (self.too_long, "too long to be asked"),
        ] {
            if number > 0 {
                said += &format!("; {} {what}", addresses(number));
            }
        }
        said
    }

    /// Each broken address, for whoever has to mend it.
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::default()
            .and("broken", listed(&self.broken))
            .and("not asked", listed(&self.unasked))
            .and("elsewhere", listed(&self.elsewhere))
    }
}

/// `1 address`, `2 addresses`
pub(crate) fn addresses(number: usize) -> String {
    counted(number, "address", "addresses")
}

fn are_broken(lines: &[String]) -> String {
    let named = lines.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match lines.len() {
        0 => "none is broken".to_owned(),
        1 => format!("1 is broken: {named}"),
        count if count > NAMED => format!("{count} are broken: {named} and {} more", count - NAMED),
        count => format!("{count} are broken: {named}"),
    }
}

fn listed(lines: &[String]) -> String {
    lines.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// `/b.css (500, linked from /x)`
fn line(frontier: &Frontier, number: usize) -> String {
    let Some(stop) = frontier.stop(number) else { return String::new() };
    let why = match &stop.fate {
        Fate::Status(status) => format!("{status}, "),
        Fate::Broken(why) => format!("{}, ", voice::clean_line(&cut(why, SHOWN))),
        Fate::Unasked | Fate::Good | Fate::Redirects(_) => String::new(),
    };
    let first = frontier.first(number);
    let of = |number: usize| frontier.stop(number).map(spell).unwrap_or_default();
    let redirected = if first == number { String::new() } else { format!("redirected from {}, ", of(first)) };
    let way = match frontier.stop(first).map(|stop| stop.way) {
        Some(Way::Linked(page)) => format!("linked from {}", of(page)),
        _ => "the start".to_owned(),
    };
    format!("{} ({why}{redirected}{way})", spell(stop))
}

/// The path of an address of the app; more of another. What in a query may be secret is left out.
fn spell(stop: &Stop) -> String {
    let written = if stop.is_outside { without_query(&stop.address) } else { path(&stop.address).to_owned() };
    let written = match written.split_once('?') {
        Some((path, query)) => {
            let query: Vec<_> = veiled_query(query).split('&').map(value_cut).collect();
            format!("{path}?{}", query.join("&"))
        }
        None => written,
    };
    voice::clean_line(&cut(&written, SHOWN))
}

fn without_query(address: &Url) -> String {
    let mut address = address.clone();
    let has_query = address.query().is_some();
    address.set_query(None);
    if has_query { format!("{address}?…") } else { address.into() }
}

fn value_cut(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, value)) if value.len() > VALUE => format!("{name}=…"),
        _ => pair.to_owned(),
    }
}
