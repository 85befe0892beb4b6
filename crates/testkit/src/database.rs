//! A database of a test's own, on a real server.

use std::collections::BTreeMap;

use crate::client::{Login, query};
use crate::fingerprint;
use crate::server::random;

/// Whose database it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// MariaDB.
    Mariadb,
}

impl Engine {
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mysql",
        }
    }
}

/// What a test wants other than usual; the names and the password are random unless said.
pub struct Wish {
    /// The database.
    pub name: String,
    /// Whose it is.
    pub role: String,
    /// The role's password.
    pub password: String,
    /// Whether the role may do what a restore beside the live database needs.
    pub creator: bool,
}

impl Default for Wish {
    fn default() -> Self {
        let (name, role) = (format!("db_{}", random(8)), format!("app_{}", random(8)));
        Self { name, role, password: random(20), creator: false }
    }
}

/// A database and the app's role, which owns it.
pub struct Database {
    admin: Login,
    app: Login,
}

impl Database {
    pub(crate) fn new(admin: Login, wish: Wish) -> Self {
        let app = Login { role: wish.role, password: wish.password, database: wish.name.clone(), ..admin.clone() };
        Self { admin, app }
    }

    /// Another database of the same server, with the same role: what a restore made, say.
    pub fn named(&self, name: &str) -> Self {
        Self { admin: self.admin.clone(), app: self.app.to(name) }
    }

    /// Whose it is.
    pub fn engine(&self) -> Engine {
        self.app.engine
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.app.database
    }

    /// The app's role.
    pub fn role(&self) -> &str {
        &self.app.role
    }

    /// The role's password.
    pub fn password(&self) -> &str {
        &self.app.password
    }

    /// Where the app reaches it by TCP: `postgres://role:password@127.0.0.1:port/name` or `mysql://…`.
    pub fn url(&self) -> String {
        self.app.url()
    }

    /// Where the app reaches it by the socket: `postgres://role:password@/name?host=/directory&port=…` or
    /// `mysql://role:password@localhost/name?socket=/path`.
    pub fn socket_url(&self) -> String {
        self.app.socket_url()
    }

    /// The superuser's address, with the maintenance database, by TCP.
    pub fn admin_url(&self) -> String {
        self.admin.url()
    }

    /// The superuser's address, with this database, by TCP.
    pub fn url_as_admin(&self) -> String {
        self.admin.to(self.name()).url()
    }

    /// Runs SQL in it as the superuser and returns the tuples, unaligned; an error ends the test with the client's words.
    pub fn sql(&self, text: &str) -> String {
        self.as_admin().must(text)
    }

    /// The same as the app.
    pub fn sql_as_app(&self, text: &str) -> String {
        self.app.must(text)
    }

    /// The same as the app, for SQL that may fail: what it printed, or what the client said.
    pub fn try_sql_as_app(&self, text: &str) -> Result<String, String> {
        query(&self.app, text)
    }

    /// Whether it is there.
    pub fn exists(&self) -> bool {
        let names = match self.engine() {
            Engine::Postgres => "SELECT encode(convert_to(datname::text, 'UTF8'), 'hex') FROM pg_database",
            Engine::Mariadb => "SELECT LOWER(HEX(schema_name)) FROM information_schema.schemata",
        };
        let own: String = self.name().bytes().map(|byte| format!("{byte:02x}")).collect();
        self.admin.must(names).lines().any(|name| name == own)
    }

    /// For every table the number of its rows and a hash of them all in whatever order, made by the server; PostgreSQL's
    /// sequences and large objects have entries of their own. Two databases with equal ones hold the same rows.
    pub fn fingerprint(&self) -> BTreeMap<String, String> {
        match self.engine() {
            Engine::Postgres => fingerprint::postgres(&self.as_admin()),
            Engine::Mariadb => fingerprint::mariadb(&self.as_admin()),
        }
    }

    /// Its structure, as the engine's own dumper writes it, without what differs from run to run.
    pub fn schema(&self) -> String {
        match self.engine() {
            Engine::Postgres => fingerprint::postgres_schema(&self.as_admin()),
            Engine::Mariadb => fingerprint::mariadb_schema(&self.as_admin()),
        }
    }

    /// What belongs to it and not to its content: owner, encoding, locale, rights, settings, comment; without its name.
    pub fn properties(&self) -> String {
        match self.engine() {
            Engine::Postgres => fingerprint::postgres_properties(&self.admin, self.name()),
            Engine::Mariadb => fingerprint::mariadb_properties(&self.admin, self.name()),
        }
    }

    fn as_admin(&self) -> Login {
        self.admin.to(self.name())
    }
}
