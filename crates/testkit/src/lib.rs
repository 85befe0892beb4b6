//! For tests only: [`Sandbox`], a whole server in a temporary directory, and [`Run`], one strict run of a real tool.
//! A helper that cannot do its work panics: that is how a test fails.

mod client;
mod database;
mod docker;
mod family;
mod fingerprint;
mod mariadb;
mod nginx;
mod notes;
mod own;
mod past;
mod place;
mod postgres;
mod processes;
mod redis;
mod repository;
mod rich;
mod run;
mod saga;
mod sandbox;
mod server;
mod systemd;
mod terminal;
mod tools;

pub use database::{Database, Engine, Wish};
pub use docker::Docker;
pub use mariadb::Mariadb;
pub use nginx::Nginx;
pub use notes::note;
pub use own::OwnServer;
pub use past::{commit_of, release_of};
pub use postgres::Postgres;
pub use processes::{Process, is_alive, kill, kill_session, processes};
pub use redis::Redis;
pub use repository::{Repository, gits};
pub use rich::rich_sqlite;
pub use run::{Ran, Run};
pub use saga::{Open, Saga, Truth};
pub use sandbox::Sandbox;
pub use server::Server;
pub use systemd::Systemd;
pub use terminal::{Terminal, screen};
pub use tools::{TOOLS, tool_path, tools_dir};

use std::time::{Duration, Instant};

/// Waits until `holds` is true, and panics with `what` when that takes more than a minute.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited a minute in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
