//! A port: whether something accepts connections there, how fast, and what it says first.

use std::io::{self, Read};
use std::time::Duration;

use db::Deadline;
use kit::Failure;

use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::text::{Match, Seen, excerpt};
use crate::kind::Subject;
use crate::trial::Conditions;
use crate::wire::connection::Connection;
use crate::wire::endpoint::{Endpoint, connect};

/// How much of what a server says first is read. A greeting is a line; an endless one must not keep us.
const BANNER: usize = 1 << 10;

/// A check of a port.
#[derive(Debug)]
struct Port {
    endpoint: Endpoint,
    expectations: Expectations<PortAssertion>,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Open {
    took: Duration,
    /// What was said first; empty where nobody listened to it.
    banner: String,
    /// Whether more than is read may follow.
    goes_on: bool,
}

/// Takes the keys of a tcp check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let endpoint = Endpoint::read(keys)?;
    let expectations: Expectations<PortAssertion> = keys.expectations()?;
    let alone = |assertion: &_| matches!(assertion, PortAssertion::Closed);
    expectations.alone("closed", alone).map_err(|wrong| keys.wrong_at("expect", wrong))?;
    Ok(Box::new(Port { endpoint, expectations }))
}

impl Subject for Port {
    fn spell(&self) -> String {
        self.endpoint.to_string()
    }

    fn look(&self, timeout: Duration, _conditions: &Conditions) -> Finding {
        let deadline = Deadline::after(timeout);
        let addresses = match self.endpoint.resolve(&deadline) {
            Ok(addresses) => addresses,
            Err(finding) => return finding,
        };
        let wants_closed = self.expectations.assertions().any(|one| matches!(one, PortAssertion::Closed));
        match connect(&addresses, &deadline) {
            Ok((connection, took)) => self.judge(connection, took, &deadline),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused if wants_closed => Finding::good("closed: it refuses the connection"),
                io::ErrorKind::TimedOut if wants_closed => {
                    Finding::good(format!("closed: no answer within {}", deadline.spell()))
                }
                // Whoever cannot get there does not know that it is closed.
                _ => self.endpoint.excuse(&error, &deadline),
            },
        }
    }
}

impl Port {
    fn judge(&self, connection: Connection, took: Duration, deadline: &Deadline) -> Finding {
        let mut open = Open { took, banner: String::new(), goes_on: false };
        if self.banners().next().is_some() {
            let (from, heard) = (&self.endpoint, self.listen(connection));
            match heard {
                Ok(said) if said.is_empty() => {
                    return Finding::bad(format!("{from} accepts, and ends without a word"));
                }
                Ok(said) => {
                    open.goes_on = said.len() == BANNER;
                    open.banner = String::from_utf8_lossy(&said).into_owned();
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Finding::bad(format!("{from} accepts, and says nothing within {}", deadline.spell()));
                }
                Err(error) => return unseen(format_args!("hear what {from} says first"), &error),
            }
        }
        self.expectations.find(&open, Open::spell)
    }

    fn banners(&self) -> impl Iterator<Item = &Match> {
        self.expectations.assertions().filter_map(|assertion| match assertion {
            PortAssertion::Banner(contains) => Some(contains),
            _ => None,
        })
    }

    /// What the server says until it has said a line and all that is waited for, stops, or has said too much.
    fn listen(&self, mut connection: Connection) -> io::Result<Vec<u8>> {
        let mut said = Vec::new();
        let mut chunk = [0; BANNER];
        let heard = loop {
            match connection.read(&mut chunk) {
                Ok(0) => break Ok(()),
                Ok(length) => said.extend_from_slice(chunk.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
            said.truncate(BANNER);
            let text = String::from_utf8_lossy(&said);
            let waited_for = self.banners().all(|contains| !contains.is_wanted() || contains.holds(&text));
            if said.len() == BANNER || (said.contains(&b'\n') && waited_for) {
                break Ok(());
            }
        };
        match heard {
            Err(error) if said.is_empty() => Err(error),
            _ => Ok(said),
        }
    }
}

impl Open {
    fn spell(&self) -> String {
        let says = if self.banner.is_empty() { String::new() } else { format!(", says {}", excerpt(&self.banner)) };
        format!("open, {} ms{says}", self.took.as_millis())
    }
}

/// What can be asserted of a port.
#[derive(Clone, Debug)]
pub(crate) enum PortAssertion {
    /// `open`
    Open,
    /// `closed`
    Closed,
    /// `time < 200ms`
    Time(Relation, Duration),
    /// `banner contains "SSH-2.0"`
    Banner(Match),
}

impl Assertion for PortAssertion {
    type Seen = Open;

    const WORDS: &'static str = "open, closed, time or banner (a tcp check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "open" => Some(Ok(Self::Open)),
            "closed" => Some(Ok(Self::Closed)),
            "time" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Time(relation, limit))),
            "banner" => Some(Match::read(cursor).map(Self::Banner)),
            _ => None,
        }
    }

    fn judge(&self, open: &Open) -> Result<(), String> {
        match self {
            Self::Open => Ok(()),
            Self::Closed => Err("something accepts the connection".to_owned()),
            Self::Time(relation, limit) if relation.holds(&open.took, limit) => Ok(()),
            Self::Time(..) => Err(format!("it took {} ms to connect", open.took.as_millis())),
            Self::Banner(wanted) => wanted.judge("the banner", Seen::new(&open.banner, open.goes_on)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Open, PortAssertion};
    use crate::grammar::cursor::Cursor;
    use crate::grammar::expectation::Expectation;
    use std::time::Duration;

    #[test]
    fn a_slow_connection_fails() {
        let open = Open { took: Duration::from_millis(250), banner: String::new(), goes_on: false };
        let judge = |line: &str| Expectation::<PortAssertion>::parse(Cursor::new(line)).unwrap().judge(&open);
        assert_eq!(judge("time <= 250ms"), Ok(()));
        assert_eq!(judge("time < 250ms"), Err("it took 250 ms to connect, expected time < 250ms".to_owned()));
    }
}
