//! A crawl: some threads ask one address after the other, until there is none left or no time.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use kit::failure::Attempt;
use kit::{Failure, signal};

use crate::crawl::frontier::{Fate, Frontier};
use crate::crawl::links::Role;
use crate::crawl::visit::{Errand, Visit};
use crate::finding::Finding;
use crate::http::{Client, Request};

/// How often a thread that waits for the others looks at the time, and for signals.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A crawl under way.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    /// Who asks the app, and how.
    pub(crate) client: &'a Client,
    pub(crate) like: &'a Request,
    /// Who asks others, who see nothing of what is meant for the app.
    pub(crate) client_outside: &'a Client,
    pub(crate) like_outside: &'a Request,
    pub(crate) timeout: Duration,
    pub(crate) began: Instant,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    frontier: Frontier,
    /// How many ask the app at this moment, and may find more.
    busy: usize,
    /// How long it took until the app's last answer. What others do is not the app's fault.
    took: Duration,
    /// Pages of which not all was read.
    unread: usize,
    /// What ends the crawl at once: it cannot begin, or we cannot look.
    end: Option<Finding>,
}

/// What a crawl found.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) frontier: Frontier,
    pub(crate) unread: usize,
    pub(crate) took: Duration,
}

impl Walk<'_> {
    /// Goes as far as the frontier's limits and the time allow; so many requests at the same time.
    pub(crate) fn run(&self, frontier: Frontier, threads: usize) -> Result<Walked, Finding> {
        let shared = Mutex::new(Shared { frontier, busy: 0, took: Duration::ZERO, unread: 0, end: None });
        let news = Condvar::new();
        let started = thread::scope(|scope| {
            let work = || while self.step(&shared, &news) {};
            for number in 0..threads {
                let started = thread::Builder::new().spawn_scoped(scope, work).attempt("start a thread");
                // One is enough, only slower.
                if number == 0 {
                    drop(started?);
                }
            }
            Ok::<_, Failure>(())
        });
        started.map_err(Finding::blind)?;
        let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        match shared.end {
            Some(finding) => Err(finding),
            None => Ok(Walked { frontier: shared.frontier, unread: shared.unread, took: shared.took }),
        }
    }

    fn left(&self) -> Option<Duration> {
        self.timeout.checked_sub(self.began.elapsed()).filter(|left| !left.is_zero())
    }

    /// Asks one address; whether there may be more.
    fn step(&self, shared: &Mutex<Shared>, news: &Condvar) -> bool {
        let Some(errand) = self.next(shared, news) else { return false };
        let Some(left) = self.left() else { return false };
        let (client, like) =
            if errand.is_outside { (self.client_outside, self.like_outside) } else { (self.client, self.like) };
        let visit = errand.run(client, like, left);
        let mut guard = lock(shared);
        self.settle(&mut guard, &errand, visit, left);
        if !errand.is_outside {
            guard.busy -= 1;
            guard.took = self.began.elapsed();
        }
        drop(guard);
        news.notify_all();
        true
    }

    /// The next address, once there is one.
    fn next(&self, shared: &Mutex<Shared>, news: &Condvar) -> Option<Errand> {
        let mut guard = lock(shared);
        loop {
            if self.left().is_none() || guard.end.is_some() || signal::received().is_some() {
                return None;
            }
            let is_idle = guard.busy == 0;
            if let Some(errand) = guard.frontier.take(is_idle).and_then(|number| errand(&guard.frontier, number)) {
                guard.busy += usize::from(!errand.is_outside);
                return Some(errand);
            }
            if is_idle {
                return None;
            }
            guard = news.wait_timeout(guard, LOOK_EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn settle(&self, shared: &mut Shared, errand: &Errand, visit: Visit, waited: Duration) {
        let number = errand.number;
        match visit {
            Visit::Redirect(target) => shared.frontier.redirect(number, target),
            Visit::Page { links, is_whole } => {
                shared.unread += usize::from(!is_whole);
                shared.frontier.settle(number, Fate::Good);
                shared.frontier.link(number, &links);
            }
            Visit::Ends(fate) => shared.frontier.settle(number, fate),
            // Who was asked shortly before the end had no time to answer.
            Visit::Silence(_) if number > 0 && self.left().is_none() && waited < self.timeout / 2 => {}
            Visit::Silence(finding) if number > 0 => shared.frontier.settle(number, Fate::Broken(finding.message)),
            Visit::Silence(finding) | Visit::Blind(finding) => shared.end = Some(finding),
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn errand(frontier: &Frontier, number: usize) -> Option<Errand> {
    let stop = frontier.stop(number)?;
    Some(Errand {
        number,
        address: stop.address.clone(),
        role: stop.role,
        is_outside: stop.is_outside,
        is_beginning: frontier.is_start(number) || stop.role == Role::Sitemap,
    })
}
