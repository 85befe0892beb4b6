//! What is known of a crawl: each address once, where it was found first, and what became of it.

use std::collections::{HashMap, VecDeque};
use std::mem::swap;

use url::{Origin, Url};

use crate::crawl::links::{LONGEST, Link, Links, Role};
use crate::crawl::pattern::Pattern;
use crate::grammar::quantity::counted;

/// How far a crawl goes.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Links away from the start.
    pub(crate) depth: u32,
    /// So many addresses of the app are asked, and as many others.
    pub(crate) pages: usize,
    /// So many redirects after one link.
    pub(crate) redirects: u32,
    /// Whether addresses of others are asked too.
    pub(crate) outside: bool,
    /// What is left alone.
    pub(crate) ignore: Vec<Pattern>,
}

/// What leads to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It is where the crawl begins.
    Start,
    /// The page of this number links it.
    Linked(usize),
    /// The address of this number redirects there.
    Redirected(usize),
}

/// What became of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Nobody has asked, or there was no time left to wait for the answer.
    Unasked,
    /// It answers.
    Good,
    /// It sends to the address of this number, or to one that is not asked.
    Redirects(Option<usize>),
    /// It answers with an error.
    Status(u16),
    /// What it does instead of an answer.
    Broken(String),
}

/// An address.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) address: Url,
    pub(crate) role: Role,
    /// Whether it belongs to another origin than the start.
    pub(crate) is_outside: bool,
    pub(crate) way: Way,
    /// How many links it is away from the start.
    depth: u32,
    /// How many redirects have led to it.
    hops: u32,
    pub(crate) fate: Fate,
}

impl Stop {
    /// Whether it is there. The address of a form may refuse to be asked like a page, or want something to be sent.
    pub(crate) fn is_good(&self) -> bool {
        match self.fate {
            Fate::Good => true,
            Fate::Status(400..=403 | 405..=409 | 411..=499 | 501) => self.role == Role::Form,
            Fate::Status(_) | Fate::Unasked | Fate::Redirects(_) | Fate::Broken(_) => false,
        }
    }

    /// Whether it is broken.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.fate, Fate::Status(_) | Fate::Broken(_)) && !self.is_good()
    }
}

/// All that is known. It holds no more addresses than the limits allow, whatever pages link.
#[derive(Debug)]
pub(crate) struct Frontier {
    limits: Limits,
    origin: Origin,
    stops: Vec<Stop>,
    known: HashMap<String, usize>,
    /// Those that nobody has taken: as many links away as those that are asked now, one further on, and of others.
    queue: VecDeque<usize>,
    later: VecDeque<usize>,
    outside: VecDeque<usize>,
    /// How many links away those are that are asked now.
    level: u32,
    /// How many of them there are.
    own: usize,
    others: usize,
    /// Whether addresses of the app were found beyond the limit.
    pub(crate) is_full: bool,
    /// How many addresses were too long to be asked.
    pub(crate) too_long: usize,
}

impl Frontier {
    /// A crawl that begins here.
    pub(crate) fn new(start: Url, limits: Limits) -> Self {
        let mut frontier = Self {
            limits,
            origin: start.origin(),
            stops: Vec::new(),
            known: HashMap::new(),
            queue: VecDeque::new(),
            later: VecDeque::new(),
            outside: VecDeque::new(),
            level: 0,
            own: 0,
            others: 0,
            is_full: false,
            too_long: 0,
        };
        frontier.note(Link { address: start, role: Role::Link }, Way::Start, 0, 0);
        frontier
    }

    /// The next address to be asked; `is_idle` when nobody asks the app just now. Those further away wait until then: which
    /// address is how far away, and so which are asked, does not depend on who answers first. Those of others come last.
    pub(crate) fn take(&mut self, is_idle: bool) -> Option<usize> {
        if is_idle && self.queue.is_empty() && !self.later.is_empty() {
            swap(&mut self.queue, &mut self.later);
            self.level += 1;
        }
        let next = self.queue.pop_front();
        if is_idle { next.or_else(|| self.outside.pop_front()) } else { next }
    }

    pub(crate) fn stop(&self, number: usize) -> Option<&Stop> {
        self.stops.get(number)
    }

    /// All addresses with their numbers.
    pub(crate) fn stops(&self) -> impl Iterator<Item = (usize, &Stop)> {
        self.stops.iter().enumerate()
    }

    /// Notes what became of an address.
    pub(crate) fn settle(&mut self, number: usize, fate: Fate) {
        if let Some(stop) = self.stops.get_mut(number) {
            stop.fate = fate;
        }
    }

    /// Notes what a page links.
    pub(crate) fn link(&mut self, page: usize, links: &Links) {
        let Some(depth) = self.stops.get(page).map(|stop| stop.depth) else { return };
        for link in links.iter() {
            // A list of lists is no page: what it names is not one link further on.
            let depth = if link.role == Role::Sitemap { depth } else { depth + 1 };
            if depth <= self.limits.depth {
                self.note(link, Way::Linked(page), depth, 0);
            }
        }
    }

    /// Notes where an address sends to, and settles what that makes of it.
    pub(crate) fn redirect(&mut self, number: usize, target: Url) {
        let Some(stop) = self.stops.get(number) else { return };
        let (depth, hops, role) = (stop.depth, stop.hops + 1, stop.role);
        let limit = self.limits.redirects;
        let fate = if hops > limit {
            Fate::Broken(format!("redirects more than {}", counted(limit, "time", "times")))
        } else if self.is_start(number) && target.origin() != self.origin {
            let origin = target.origin().ascii_serialization();
            Fate::Broken(format!("redirects to {origin}, and a crawl stays where it begins"))
        } else {
            let next = self.note(Link { address: target, role }, Way::Redirected(number), depth, hops);
            match next {
                None if self.is_start(number) => Fate::Broken("redirects to an address that is not asked".to_owned()),
                next if self.end(next) == Some(number) => Fate::Broken("redirects in a circle".to_owned()),
                next => Fate::Redirects(next),
            }
        };
        self.settle(number, fate);
    }

    /// The address that is linked, where redirects have led from there to this one.
    pub(crate) fn first(&self, number: usize) -> usize {
        let mut first = number;
        while let Some(Way::Redirected(from)) = self.stop(first).map(|stop| stop.way) {
            first = from;
        }
        first
    }

    /// Whether the crawl begins here, after redirects perhaps.
    pub(crate) fn is_start(&self, number: usize) -> bool {
        self.first(number) == 0
    }

    /// Where all redirects lead, from here.
    pub(crate) fn end(&self, number: Option<usize>) -> Option<usize> {
        let mut number = number?;
        // There is no circle: the redirect that closes one is settled as broken.
        while let Fate::Redirects(next) = self.stops.get(number)?.fate {
            number = next?;
        }
        Some(number)
    }

    /// Notes an address, if it is to be asked; with its number.
    fn note(&mut self, link: Link, way: Way, depth: u32, hops: u32) -> Option<usize> {
        let Link { address, role } = link;
        let is_outside = address.origin() != self.origin;
        if let Some(number) = self.known.get(address.as_str()) {
            let stop = self.stops.get_mut(*number)?;
            // The strictest judge counts.
            stop.role = stop.role.max(role);
            return Some(*number);
        }
        if (is_outside && !self.limits.outside) || self.limits.ignore.iter().any(|pattern| pattern.fits(&address)) {
            return None;
        }
        if address.as_str().len() > LONGEST {
            self.too_long += 1;
            return None;
        }
        let count = if is_outside { &mut self.others } else { &mut self.own };
        if *count == self.limits.pages {
            self.is_full |= !is_outside;
            return None;
        }
        *count += 1;
        let number = self.stops.len();
        self.known.insert(address.to_string(), number);
        self.stops.push(Stop { address, role, is_outside, way, depth, hops, fate: Fate::Unasked });
        match () {
            () if is_outside => self.outside.push_back(number),
            () if depth > self.level => self.later.push_back(number),
            () => self.queue.push_back(number),
        }
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fate, Frontier, Limits};
    use crate::crawl::links::{Links, Role};
    use url::Url;

    fn frontier(depth: u32, pages: usize) -> Frontier {
        let limits = Limits { depth, pages, redirects: 5, outside: true, ignore: Vec::new() };
        Frontier::new(Url::parse("http://app.test/").unwrap(), limits)
    }

    fn links(names: &[&str]) -> Links {
        let written = names.iter().map(|name| ((*name).to_owned(), Role::Link)).collect();
        Links::new(Url::parse("http://app.test/").unwrap(), written)
    }

    #[test]
    fn what_is_further_away_waits_and_what_belongs_to_others_comes_last() {
        let mut frontier = frontier(2, 100);
        assert_eq!((frontier.take(true), frontier.take(false)), (Some(0), None));
        frontier.link(0, &links(&["/a", "http://other.test/", "/b", "/a#x", "/"]));
        assert_eq!(frontier.take(false), None, "the start is still being asked");
        assert_eq!((frontier.take(true), frontier.take(false)), (Some(1), Some(3)));
        frontier.link(1, &links(&["/c"]));
        assert_eq!(frontier.take(false), None, "/b is still being asked, and may link /c too");
        assert_eq!((frontier.take(true), frontier.take(false)), (Some(4), None));
        frontier.link(4, &links(&["/too-far"]));
        assert_eq!((frontier.take(true), frontier.take(true)), (Some(2), None));
    }

    #[test]
    fn no_more_is_kept_than_the_limit_allows() {
        let mut frontier = frontier(2, 3);
        let names: Vec<String> = (0..50).flat_map(|n| [format!("/{n}"), format!("http://other.test/{n}")]).collect();
        frontier.link(0, &links(&names.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!((frontier.stops().count(), frontier.is_full), (6, true));
    }

    #[test]
    fn a_circle_is_found_by_whichever_closes_it() {
        let mut frontier = frontier(2, 100);
        frontier.link(0, &links(&["/a", "/b"]));
        let to = |name: &str| Url::parse("http://app.test/").unwrap().join(name).unwrap();
        frontier.redirect(1, to("/b"));
        assert_eq!((frontier.end(Some(1)), frontier.first(2)), (Some(2), 2));
        frontier.redirect(2, to("/a"));
        let fates: Vec<_> = frontier.stops().map(|(_, stop)| stop.fate.clone()).collect();
        assert_eq!(fates[1..], [Fate::Redirects(Some(2)), Fate::Broken("redirects in a circle".to_owned())]);
        assert_eq!(frontier.end(Some(1)), Some(2));
    }
}
