//! Who makes, renames and drops databases: the role of `ADMIN_DATABASE_URL` where that is set, else the app's own.
//!
//! The one that is set wins, because only an administrator may give objects to other roles, make an extension that is not
//! trusted, and end the connections of others: with the app's role such a restore would fail after all the work.

use kit::{Exit, Failure, clock, voice};

use crate::address::Address;
use crate::deadline::Deadline;
use crate::postgres::names::{self, Kind};
use crate::postgres::properties::Properties;
use crate::postgres::quote::{identifier, literal};
use crate::postgres::session::Session;
use crate::postgres::{Postgres, maintenance};

/// One who may put another database in the place of the live one.
#[derive(Debug)]
pub struct Keeper {
    pub(crate) server: Postgres,
    /// The server as this role reaches it.
    pub(crate) address: Address,
    /// The live database's; `None` when there is none.
    pub(crate) live: Option<Properties>,
}

impl Keeper {
    /// Finds who may do it: 77 with the statement that allows it, 78 when `admin` is another server.
    pub fn find(server: &Postgres, admin: Option<&Address>, deadline: &Deadline) -> Result<Self, Failure> {
        let address = admin.unwrap_or(&server.address).clone();
        let mut keeper = Self { server: server.clone(), address, live: None };
        let mut session = keeper.session(deadline)?;
        if admin.is_some() {
            keeper.require_same_server(&mut session, deadline)?;
        }
        keeper.live = match Properties::read(&mut session, keeper.live_name()) {
            Err(failure) if failure.exit == Exit::ABSENT => None,
            read => Some(read?),
        };
        keeper.require_rights(&mut session)?;
        session.close()?;
        Ok(keeper)
    }

    /// What was live before a restore, the newest first.
    pub fn previous(&self, deadline: &Deadline) -> Result<Vec<String>, Failure> {
        let mut session = self.session(deadline)?;
        let previous = names::of(self.live_name(), Kind::Before, &databases(&mut session)?);
        session.close()?;
        Ok(previous)
    }

    /// Drops what was live before, but for the `keep` newest: the names of those that are gone.
    pub fn drop_previous(&self, keep: usize, deadline: &Deadline) -> Result<Vec<String>, Failure> {
        let all: Vec<String> = self.previous(deadline)?.into_iter().skip(keep).collect();
        let mut session = self.session(deadline)?;
        for name in &all {
            drop_database(&mut session, name)?;
        }
        session.close()?;
        Ok(all)
    }

    /// The name of the live database.
    pub(crate) fn live_name(&self) -> &str {
        &self.server.address.database
    }

    /// A conversation with the server, in another database than the live one.
    pub(crate) fn session(&self, deadline: &Deadline) -> Result<Session, Failure> {
        let live = self.address.of_database(self.live_name());
        maintenance(&self.server.clients.path("psql"), &live, deadline)
    }

    /// Another database of the server, as this role reaches it.
    pub(crate) fn database(&self, name: &str) -> Postgres {
        Postgres { address: self.address.of_database(name), ..self.server.clone() }
    }

    /// A name that no database has yet.
    pub(crate) fn free_name(&self, session: &mut Session, kind: Kind) -> Result<String, Failure> {
        Ok(names::free(self.live_name(), kind, clock::now(), &databases(session)?))
    }

    fn require_same_server(&self, session: &mut Session, deadline: &Deadline) -> Result<(), Failure> {
        let identity = "SELECT pg_postmaster_start_time();";
        let own = self.server.address.of_database(self.live_name());
        let mut apps = maintenance(&self.server.clients.path("psql"), &own, deadline)?;
        let is_same = apps.value(identity)? == session.value(identity)?;
        apps.close()?;
        if is_same {
            return Ok(());
        }
        let message = format!("ADMIN_DATABASE_URL ({}) is not on the server of {own}", self.address);
        Err(Failure::new(Exit::SETTINGS, message).hint("both must name the same host and port"))
    }

    /// To make and rename databases takes CREATEDB, and to be their owner.
    fn require_rights(&self, session: &mut Session) -> Result<(), Failure> {
        let rights = format!(
            "SELECT current_user, rolsuper, rolcreatedb, coalesce((SELECT pg_has_role(datdba, 'MEMBER') FROM pg_database \
             WHERE datname = {}), true) FROM pg_roles WHERE rolname = current_user;",
            literal(self.live_name())
        );
        let row = session.ask(&rights, 4)?.pop().unwrap_or_default();
        let is = |place: usize| row.get(place).is_some_and(|value| value == "t");
        if is(1) || (is(2) && is(3)) {
            return Ok(());
        }
        let role = identifier(row.first().map_or("", String::as_str));
        let live = identifier(self.live_name());
        let statement = if is(2) {
            format!("ALTER DATABASE {live} OWNER TO {role};")
        } else {
            format!("ALTER ROLE {role} CREATEDB;")
        };
        let message = format!("{role} may not put another database in the place of {live}");
        Err(Failure::new(Exit::NOT_PERMITTED, voice::clean_line(&message))
            .hint(format!("as a superuser: {statement} — or set ADMIN_DATABASE_URL to the URL of a role that may")))
    }
}

/// The names of all databases.
pub(crate) fn databases(session: &mut Session) -> Result<Vec<String>, Failure> {
    Ok(session.ask("SELECT datname FROM pg_database;", 1)?.into_iter().flatten().collect())
}

/// Ends the connections to a database that this role may end, and says how many it has asked to go.
pub(crate) fn disconnect(session: &mut Session, name: &str) -> Result<usize, Failure> {
    let ended = session.ask(
        &format!(
            "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
             WHERE a.datname = {} AND a.pid <> pg_backend_pid() AND (pg_has_role(r.oid, 'USAGE')
               OR (NOT r.rolsuper AND pg_has_role('pg_signal_backend', 'USAGE')));",
            literal(name)
        ),
        1,
    )?;
    Ok(ended.len())
}

/// Drops a database, with whoever is connected.
pub(crate) fn drop_database(session: &mut Session, name: &str) -> Result<(), Failure> {
    disconnect(session, name)?;
    // The server itself waits up to five seconds for those who were told to go.
    session.ask(&format!("DROP DATABASE IF EXISTS {};", identifier(name)), 1).map(drop)
}
