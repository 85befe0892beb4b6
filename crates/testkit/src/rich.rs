//! Databases full of what a backup must bring back: odd names and texts, every type, and all that hangs on tables.

use std::path::Path;
use std::process::Command;

use crate::client::run;
use crate::database::{Database, Engine};

impl Database {
    /// Fills it, as the app: `data/rich.pg.sql` or `data/rich.mysql.sql`. What is in it the app may dump and restore by
    /// itself.
    pub fn rich(&self) {
        match self.engine() {
            Engine::Postgres => self.sql_as_app(include_str!("../data/rich.pg.sql")),
            Engine::Mariadb => self.sql_as_app(include_str!("../data/rich.mysql.sql")),
        };
    }

    /// Adds, as the superuser, what only a superuser dumps and restores: `data/rich_admin.pg.sql` (rows that are hidden
    /// from their owner too, objects of another role, an event trigger) or `data/rich_admin.mysql.sql` (views, triggers,
    /// routines and events that others defined).
    pub fn rich_as_admin(&self) {
        match self.engine() {
            Engine::Postgres => self.sql(include_str!("../data/rich_admin.pg.sql")),
            Engine::Mariadb => self.sql(include_str!("../data/rich_admin.mysql.sql")),
        };
    }
}

/// Makes a SQLite database of `data/rich.sqlite.sql`.
pub fn rich_sqlite(path: &Path) {
    let mut sqlite3 = Command::new("sqlite3");
    sqlite3.arg("-bail").arg(path);
    run(sqlite3, include_str!("../data/rich.sqlite.sql")).unwrap_or_else(|words| panic!("sqlite3: {words}"));
}
