//! A server of a test's own, whichever its engine: to be killed, stopped and started again.

use crate::database::{Database, Engine};
use crate::mariadb::Mariadb;
use crate::postgres::Postgres;

/// It is gone when it is dropped.
pub enum OwnServer {
    /// PostgreSQL.
    Postgres(Postgres),
    /// MariaDB.
    Mariadb(Mariadb),
}

impl OwnServer {
    /// Starts one.
    pub fn start(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Self::Postgres(Postgres::start()),
            Engine::Mariadb => Self::Mariadb(Mariadb::start()),
        }
    }

    /// A fresh database, whose role may do what a restore beside it needs.
    pub fn fresh_creator(&self) -> Database {
        match self {
            Self::Postgres(server) => server.fresh_creator(),
            Self::Mariadb(server) => server.fresh_creator(),
        }
    }

    /// Ends it as a power cut does.
    pub fn kill(&self) {
        match self {
            Self::Postgres(server) => server.kill_server(),
            Self::Mariadb(server) => server.kill_server(),
        }
    }

    /// Lets it stand still: whoever connects is accepted, and never answered.
    pub fn pause(&self) {
        match self {
            Self::Postgres(server) => server.pause(),
            Self::Mariadb(server) => server.pause(),
        }
    }

    /// Lets it go on after [`OwnServer::pause`].
    pub fn resume(&self) {
        match self {
            Self::Postgres(server) => server.resume(),
            Self::Mariadb(server) => server.resume(),
        }
    }

    /// Starts it again, on the same port.
    pub fn restart(&self) {
        match self {
            Self::Postgres(server) => server.restart(),
            Self::Mariadb(server) => server.restart(),
        }
    }
}
