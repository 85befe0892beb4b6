//! A host and a port, and how one gets there in time.

use std::fmt::{self, Display};
use std::io;
use std::net::{Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use db::Deadline;
use kit::Failure;

use crate::finding::{Finding, unseen};
use crate::grammar::keys::Keys;
use crate::wire::connection::Connection;

/// What the key `address` takes, for a complaint.
const WANTED: &str = "a host and a port, as in \"127.0.0.1:6379\"";

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port }
    }

    /// Takes the key `address`, which must be there.
    pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Self, Failure> {
        let address = keys.required("address", WANTED)?;
        Self::parse(&address)
            .ok_or_else(|| keys.wrong_at("address", format!("`address` must be {WANTED} or \"[::1]:6379\"")))
    }

    /// Host and port; an IPv6 address stands in brackets.
    pub(crate) fn parse(address: &str) -> Option<Self> {
        let (host, port) = address.rsplit_once(':')?;
        let number = port.parse().ok().filter(|number: &u16| *number > 0 && number.to_string() == port)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<Ipv6Addr>().is_ok()),
            None => Some(host).filter(|host| {
                let belongs = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
                !host.is_empty() && host.chars().all(belongs)
            }),
        };
        host.map(|host| Self::new(host, number))
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Its addresses.
    pub(crate) fn resolve(&self, deadline: &Deadline) -> Result<Vec<SocketAddr>, Finding> {
        let (sender, receiver) = mpsc::channel();
        let (host, port) = (self.host.clone(), self.port);
        let ask = move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Vec::from_iter);
            // Whoever asked may have given up.
            sender.send(found).ok();
        };
        // The system's resolver looks at no deadline of ours: it is left alone with a question that takes too long.
        let started = thread::Builder::new().spawn(ask);
        drop(started.map_err(|error| unseen("start a thread", &error))?);
        match receiver.recv_timeout(deadline.remaining()) {
            Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
            _ => Err(Finding::bad(format!("the name of {self} cannot be resolved"))),
        }
    }

    /// An open connection, and how long it took to get it; else what was found instead.
    pub(crate) fn open(&self, deadline: &Deadline) -> Result<(Connection, Duration), Finding> {
        let addresses = self.resolve(deadline)?;
        connect(&addresses, deadline).map_err(|error| self.excuse(&error, deadline))
    }

    /// What it means that no connection came about.
    pub(crate) fn excuse(&self, error: &io::Error, deadline: &Deadline) -> Finding {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Finding::refused(format!("{self} refuses the connection")),
            io::ErrorKind::TimedOut => Finding::bad(format!("no answer from {self} within {}", deadline.spell())),
            _ => unseen(format_args!("connect to {self}"), error),
        }
    }
}

impl Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// The first of the addresses that accepts, else what the last one did.
pub(crate) fn connect(addresses: &[SocketAddr], deadline: &Deadline) -> io::Result<(Connection, Duration)> {
    let mut last = Err(io::ErrorKind::TimedOut.into());
    for (index, address) in addresses.iter().enumerate() {
        let share = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let left = deadline.remaining() / share;
        let start = Instant::now();
        last = TcpStream::connect_timeout(address, left.max(Duration::from_millis(1)))
            .map(|stream| (Connection::new(stream, *deadline), start.elapsed()));
        if last.is_ok() {
            break;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (address, host, port) in [
            ("127.0.0.1:6379", "127.0.0.1", 6379),
            ("[::1]:22", "::1", 22),
            ("db-1.example.org:1", "db-1.example.org", 1),
        ] {
            let endpoint = Endpoint::parse(address).unwrap();
            assert_eq!((endpoint.host.as_str(), endpoint.port), (host, port));
            assert_eq!(endpoint.to_string(), address);
        }
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
            assert!(Endpoint::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
