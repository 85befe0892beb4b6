//! A port: whether something accepts connections there, how fast, and what it says first.

use std::io::{self, Read};
use std::net::{Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use kit::{Failure, clock};

use crate::cursor::{Cursor, Wrong};
use crate::expectation::{Assertion, Expectations};
use crate::finding::{Finding, unseen};
use crate::keys::Keys;
use crate::kind::Subject;
use crate::relation::Relation;
use crate::text::{Match, excerpt};
use crate::trial::{Conditions, milliseconds};

/// How much of what a server says first is read. A greeting is a line; an endless one must not keep us.
const BANNER: usize = 1 << 10;

/// A check of a port.
#[derive(Debug)]
pub(crate) struct Port {
    address: String,
    host: String,
    number: u16,
    expectations: Expectations<PortAssertion>,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Open {
    took: Duration,
    /// What was said first; empty where nobody listened to it.
    banner: String,
}

/// Takes the keys of a tcp check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let address = keys.required("address", "a host and a port, as in \"127.0.0.1:6379\"")?;
    let Some((host, number)) = split(&address) else {
        return Err(
            keys.wrong_at("address", "`address` must be a host and a port, as in \"127.0.0.1:6379\" or \"[::1]:6379\"")
        );
    };
    let expectations: Expectations<PortAssertion> = keys.expectations()?;
    let alone = |assertion: &_| matches!(assertion, PortAssertion::Closed);
    expectations.alone("closed", alone).map_err(|wrong| keys.wrong_at("expect", wrong))?;
    Ok(Box::new(Port { host: host.to_owned(), number, address, expectations }))
}

/// Host and port; an IPv6 address stands in brackets.
fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let number = port.parse().ok().filter(|number: &u16| *number > 0 && number.to_string() == port)?;
    match host.strip_prefix('[') {
        Some(rest) => Some(rest.strip_suffix(']')?).filter(|host| host.parse::<Ipv6Addr>().is_ok()),
        None => Some(host).filter(|host| {
            let belongs = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
            !host.is_empty() && host.chars().all(belongs)
        }),
    }
    .map(|host| (host, number))
}

impl Subject for Port {
    fn spell(&self) -> String {
        self.address.clone()
    }

    fn look(&self, timeout: Duration, _conditions: &Conditions) -> Finding {
        let began = Instant::now();
        let addresses = match self.resolve(timeout) {
            Ok(addresses) => addresses,
            Err(finding) => return finding,
        };
        let limit = clock::spell(milliseconds(timeout));
        let wants_closed = self.expectations.assertions().any(|one| matches!(one, PortAssertion::Closed));
        match connect(&addresses, timeout.saturating_sub(began.elapsed())) {
            Ok((stream, took)) => self.judge(&stream, took, timeout, began),
            Err(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused if wants_closed => {
                    Finding::good("closed: it refuses the connection".to_owned())
                }
                io::ErrorKind::TimedOut if wants_closed => Finding::good(format!("closed: no answer within {limit}")),
                io::ErrorKind::ConnectionRefused => {
                    Finding::refused(format!("{} refuses the connection", self.address))
                }
                io::ErrorKind::TimedOut => Finding::bad(format!("no answer from {} within {limit}", self.address)),
                // Whoever cannot get there does not know that it is closed.
                _ => unseen(format_args!("connect to {}", self.address), &error),
            },
        }
    }
}

impl Port {
    fn resolve(&self, timeout: Duration) -> Result<Vec<SocketAddr>, Finding> {
        let (sender, receiver) = mpsc::channel();
        let (host, number) = (self.host.clone(), self.number);
        let ask = move || {
            let found = (host.as_str(), number).to_socket_addrs().map(Vec::from_iter);
            // Whoever asked may have given up.
            sender.send(found).ok();
        };
        // The system's resolver looks at no deadline of ours: it is left alone with a question that takes too long.
        let started = thread::Builder::new().spawn(ask);
        drop(started.map_err(|error| unseen("start a thread", &error))?);
        match receiver.recv_timeout(timeout) {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            _ => Err(Finding::bad(format!("the name of {} cannot be resolved", self.address))),
        }
    }

    fn judge(&self, stream: &TcpStream, took: Duration, timeout: Duration, began: Instant) -> Finding {
        let mut open = Open { took, banner: String::new() };
        if self.banners().next().is_some() {
            let heard = self.listen(stream, timeout, began);
            match heard {
                Ok(banner) if banner.is_empty() => {
                    return Finding::bad(format!("{} accepts, and ends without a word", self.address));
                }
                Ok(banner) => open.banner = banner,
                Err(error) if is_late(&error) => {
                    let limit = clock::spell(milliseconds(timeout));
                    return Finding::bad(format!("{} accepts, and says nothing within {limit}", self.address));
                }
                Err(error) => return unseen(format_args!("hear what {} says first", self.address), &error),
            }
        }
        match self.expectations.judge(&open) {
            Ok(()) if open.banner.is_empty() => Finding::good(format!("open, {} ms", took.as_millis())),
            Ok(()) => Finding::good(format!("open, {} ms, says {}", took.as_millis(), excerpt(&open.banner))),
            Err(instead) => Finding::bad(instead),
        }
    }

    fn banners(&self) -> impl Iterator<Item = &Match> {
        self.expectations.assertions().filter_map(|assertion| match assertion {
            PortAssertion::Banner(contains) => Some(contains),
            _ => None,
        })
    }

    /// What the server says until it has said a line and all that is waited for, stops, or has said too much.
    fn listen(&self, mut stream: &TcpStream, timeout: Duration, began: Instant) -> io::Result<String> {
        let mut said = Vec::new();
        let mut chunk = [0; BANNER];
        let heard = loop {
            let left = timeout.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
            let read = stream.set_read_timeout(Some(left)).and_then(|()| stream.read(&mut chunk));
            match read {
                Ok(0) => break Ok(()),
                Ok(length) => said.extend_from_slice(chunk.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
            said.truncate(BANNER);
            let text = String::from_utf8_lossy(&said);
            let waited_for = self.banners().all(|contains| !contains.is_wanted() || contains.holds(&text));
            if said.len() == BANNER || (said.contains(&b'\n') && waited_for) || began.elapsed() >= timeout {
                break Ok(());
            }
        };
        match heard {
            Err(error) if said.is_empty() => Err(error),
            _ => Ok(String::from_utf8_lossy(&said).into_owned()),
        }
    }
}

/// The first of the addresses that accepts, else what the last one did.
fn connect(addresses: &[SocketAddr], timeout: Duration) -> io::Result<(TcpStream, Duration)> {
    let began = Instant::now();
    let mut last = Err(io::ErrorKind::TimedOut.into());
    for (index, address) in addresses.iter().enumerate() {
        let share = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let left = timeout.saturating_sub(began.elapsed()) / share;
        let start = Instant::now();
        last = TcpStream::connect_timeout(address, left.max(Duration::from_millis(1)))
            .map(|stream| (stream, start.elapsed()));
        if last.is_ok() {
            break;
        }
    }
    last
}

/// A read that met its time limit says one or the other.
fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
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
            Self::Banner(contains) => contains.judge("the banner", &open.banner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Open, PortAssertion, split};
    use crate::cursor::Cursor;
    use crate::expectation::Expectation;
    use std::time::Duration;

    #[test]
    fn a_slow_connection_fails() {
        let open = Open { took: Duration::from_millis(250), banner: String::new() };
        let judge = |line: &str| Expectation::<PortAssertion>::parse(Cursor::new(line)).unwrap().judge(&open);
        assert_eq!(judge("time <= 250ms"), Ok(()));
        assert_eq!(judge("time < 250ms"), Err("it took 250 ms to connect, expected time < 250ms".to_owned()));
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        assert_eq!(split("127.0.0.1:6379"), Some(("127.0.0.1", 6379)));
        assert_eq!(split("[::1]:22"), Some(("::1", 22)));
        assert_eq!(split("db-1.example.org:1"), Some(("db-1.example.org", 1)));
        for wrong in [
            "",
            "host",
            "host:",
            ":1",
            "host:0",
            "host:65536",
            "host:01",
            "host:+1",
            "::1:22",
            "[::1]",
            "[x]:1",
            "[127.0.0.1]:1",
            "user@host:1",
            "http://host:80",
            "a b:1",
            "host:1 ",
        ] {
            assert_eq!(split(wrong), None, "{wrong:?}");
        }
    }
}
