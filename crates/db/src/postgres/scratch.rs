//! A new database beside the live one, for a restore: nothing that happens to it touches the live one.

use std::path::Path;

use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::engine::{Server, Trust};
use crate::manifest::Census;
use crate::postgres::keeper::{Keeper, databases, drop_database};
use crate::postgres::load::{self, Loading};
use crate::postgres::names::{self, Kind};
use crate::postgres::quote::{identifier, literal};
use crate::postgres::session::Session;
use crate::postgres::{Postgres, swap};

/// A database that is being filled. It is dropped by [`Scratch::discard`], or by the next restore when this one is killed.
#[derive(Debug)]
pub struct Scratch {
    keeper: Keeper,
    database: Postgres,
    /// Holds a lock in the name of the database, by which another restore sees that its maker lives.
    session: Session,
}

impl Scratch {
    /// Makes one like the live database: owner, encoding, locale. First it drops those that killed restores have left.
    pub fn create(keeper: Keeper, deadline: &Deadline) -> Result<Self, Failure> {
        let mut session = keeper.session(deadline)?;
        drop_leftovers(&keeper, &mut session)?;
        let name = keeper.free_name(&mut session, Kind::Restore)?;
        if !claim(&mut session, &name)? {
            let message = format!("another restore is just making the database {name}");
            return Err(Failure::new(Exit::BUSY, message).hint("nothing was touched; run it again"));
        }
        let statement = match &keeper.live {
            Some(live) => live.create(&name),
            None => create_for(keeper.server.address.user.as_deref(), &name),
        };
        session.ask(&statement, 1)?;
        let database = keeper.database(&name);
        Ok(Self { keeper, database, session })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.database.address.database
    }

    /// Begins to load a plain dump, which is written to what this returns. One that is not verified is loaded by the app's
    /// role, whoever made the database: as a superuser it could run programs on the server's host by `COPY … FROM PROGRAM`.
    pub fn load(&self, trust: Trust, deadline: &Deadline) -> Result<Loading, Failure> {
        load::begin(&self.loaded_by(trust), trust, deadline)
    }

    /// Loads an archive, a file or a directory, by the same role.
    pub fn load_archive(&self, archive: &Path, jobs: u32, trust: Trust, deadline: &Deadline) -> Result<(), Failure> {
        load::archive(&self.loaded_by(trust), archive, jobs, deadline)
    }

    fn loaded_by(&self, trust: Trust) -> Postgres {
        let server = &self.keeper.server;
        let address = match trust {
            Trust::Verified => self.database.address.clone(),
            Trust::Unverified => server.address.of_database(self.name()),
        };
        Postgres { address, ..server.clone() }
    }

    /// Gathers what the planner wants to know, and counts the rows.
    pub fn census(&self, deadline: &Deadline) -> Result<Census, Failure> {
        let mut session = self.database.session(deadline)?;
        session.ask("ANALYZE;", 1)?;
        session.close()?;
        self.database.census(deadline)
    }

    /// Puts it in the place of the live one, with the rights, settings and comment of that: the name under which the old
    /// one is kept, if there was one.
    pub fn swap(mut self, deadline: &Deadline) -> Result<Option<String>, Failure> {
        let name = self.name().to_owned();
        match swap::put_in_place(&self.keeper, &mut self.session, &name, deadline) {
            Ok(previous) => {
                // It is done, however the conversation ends.
                drop(self.session.close());
                Ok(previous)
            }
            Err(failure) => {
                // What fails here has ended the conversation. If this fails as well, the next restore drops it.
                let grace = Deadline::after(swap::GRACE);
                let dropped = self.keeper.session(&grace).and_then(|mut session| drop_database(&mut session, &name));
                drop(dropped);
                Err(failure)
            }
        }
    }

    /// Drops it.
    pub fn discard(mut self) -> Result<(), Failure> {
        drop_database(&mut self.session, &self.database.address.database)?;
        self.session.close()
    }
}

/// Whether the name is now this session's. The lock goes with the connection, however that ends.
fn claim(session: &mut Session, name: &str) -> Result<bool, Failure> {
    let claim = format!("SELECT pg_try_advisory_lock(hashtextextended({}, 0));", literal(name));
    Ok(session.value(&claim)? == "t")
}

fn drop_leftovers(keeper: &Keeper, session: &mut Session) -> Result<(), Failure> {
    for name in names::of(keeper.live_name(), Kind::Restore, &databases(session)?) {
        if name != keeper.live_name() && claim(session, &name)? {
            drop_database(session, &name)?;
        }
    }
    Ok(())
}

/// A database where there was none: the server's own defaults.
fn create_for(owner: Option<&str>, name: &str) -> String {
    let owner = owner.map(|owner| format!(" OWNER {}", identifier(owner))).unwrap_or_default();
    format!("CREATE DATABASE {} TEMPLATE template0{owner};", identifier(name))
}
