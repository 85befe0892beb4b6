//! The PostgreSQL engine: everything is done by the server's own client programs, `psql`, `pg_dump` and `pg_restore`, of
//! the server's own major version.
//!
//! They learn by their environment where to connect and as whom, so no argument holds a password or a foreign name. How a
//! program ended is part of what it printed: a dump that breaks off is none.

mod archive;
mod census;
mod client;
mod connection;
mod dump;
mod globals;
mod keeper;
mod load;
mod names;
mod privileges;
mod properties;
mod question;
mod quote;
mod refusal;
mod scratch;
mod script;
mod session;
mod statement;
mod swap;
mod trouble;
mod version;

use std::path::Path;

use kit::process::{Ended, Program};
use kit::{Exit, Failure, Meter};

use crate::address::Address;
use crate::deadline::Deadline;
use crate::engine::{Dump, Format, Server};
use crate::manifest::Census;
use crate::postgres::client::{Clients, any_psql};
use crate::postgres::session::Session;
use crate::postgres::version::Version;

pub use archive::read_archive;
pub use keeper::Keeper;
pub use load::Loading;
pub use question::Asker;
pub use scratch::Scratch;
pub use script::Script;

/// Databases that every server has unless somebody took them away: from there one asks about another.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// A database on a PostgreSQL server that answers.
#[derive(Clone, Debug)]
pub struct Postgres {
    address: Address,
    clients: Clients,
    words: String,
    client_words: String,
}

impl Postgres {
    /// Connects and finds the client programs that fit the server. The database itself may be missing. 69 when no server
    /// answers or no client fits, 77 when it does not let the role in, 78 when the URL says what no client understands.
    pub fn connect(address: &Address, deadline: &Deadline) -> Result<Self, Failure> {
        let psql = any_psql()?;
        let mut session = match open(&psql, address, deadline) {
            Err(failure) if failure.exit == Exit::ABSENT => {
                maintenance(&psql, address, deadline).map_err(|_| failure)?
            }
            opened => opened?,
        };
        let words = session.value("SHOW server_version;")?;
        session.close()?;
        let version = Version::find(&words).ok_or_else(|| {
            Failure::new(Exit::UNAVAILABLE, format!("the server of {address} does not say its version: {words}"))
        })?;
        let clients = Clients::matching(version)?;
        let client_words = clients.version.to_string();
        let words = words.split_whitespace().next().unwrap_or_default().to_owned();
        Ok(Self { address: address.clone(), clients, words, client_words })
    }

    /// The database.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// A client program that connects to this database.
    fn program(&self, name: &str) -> Result<Program, Failure> {
        connection::lead(Program::at(self.clients.path(name)), &self.address)
    }

    /// A conversation with this database: 66 when there is none of its name.
    fn session(&self, deadline: &Deadline) -> Result<Session, Failure> {
        open(&self.clients.path("psql"), &self.address, deadline)
    }
}

impl Server for Postgres {
    fn version(&self) -> &str {
        &self.words
    }

    fn client_version(&self) -> &str {
        &self.client_words
    }

    fn size(&self, deadline: &Deadline) -> Result<Option<u64>, Failure> {
        let mut session = match self.session(deadline) {
            Err(failure) if failure.exit == Exit::ABSENT => return Ok(None),
            session => session?,
        };
        let size = session.value("SELECT pg_database_size(current_database());")?;
        session.close()?;
        Ok(size.parse().ok())
    }

    fn census(&self, deadline: &Deadline) -> Result<Census, Failure> {
        let mut session = self.session(deadline)?;
        census::begin(&mut session)?;
        let census = census::fetch(&mut session)?;
        session.close()?;
        Ok(census)
    }

    fn dump(&self, format: Format, deadline: &Deadline) -> Result<Box<dyn Dump>, Failure> {
        dump::begin(self, format, deadline)
    }

    fn dump_directory(&self, to: &Path, jobs: u32, meter: Meter, deadline: &Deadline) -> Result<Census, Failure> {
        dump::to_directory(self, to, jobs, meter, deadline)
    }

    fn prepare(&self, deadline: &Deadline) -> Result<String, Failure> {
        let mut session = self.session(deadline)?;
        privileges::require(&mut session, &self.address)?;
        let globals = globals::read(&mut session)?;
        session.close()?;
        Ok(globals)
    }
}

/// Connects: 69 when no server answers, 77 when it does not let this role in, 66 when there is no such database.
fn open(psql: &Path, address: &Address, deadline: &Deadline) -> Result<Session, Failure> {
    match knock(psql, address, deadline)? {
        Ok(session) => Ok(session),
        Err(refusal) => Err(refusal::explain(psql, address, &refusal, deadline)),
    }
}

/// The same, and what psql said where it was not let in.
fn knock(psql: &Path, address: &Address, deadline: &Deadline) -> Result<Result<Session, Ended>, Failure> {
    Session::open(connection::lead(Program::at(psql), address)?, &address.to_string(), deadline)
}

/// A conversation with another database of the same server.
fn maintenance(psql: &Path, address: &Address, deadline: &Deadline) -> Result<Session, Failure> {
    let [first, second] = MAINTENANCE.map(|name| address.of_database(name));
    if address.database == first.database {
        return open(psql, &second, deadline);
    }
    open(psql, &first, deadline).or_else(|failure| match failure.exit {
        Exit::UNAVAILABLE | Exit::DEADLINE => Err(failure),
        _ => open(psql, &second, deadline),
    })
}
