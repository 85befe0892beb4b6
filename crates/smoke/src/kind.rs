//! The kinds of checks. Each has a module of its own; this is what they share, and the table of all of them.

pub(crate) mod command;
pub(crate) mod crawl;
pub(crate) mod disk;
pub(crate) mod env;
pub(crate) mod file;
pub(crate) mod flow;
pub(crate) mod git;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod mysql;
pub(crate) mod postgres;
pub(crate) mod process;
pub(crate) mod program;
pub(crate) mod redis;
pub(crate) mod sqlite;
pub(crate) mod tcp;
pub(crate) mod telegram;
pub(crate) mod tls;

use std::fmt::Debug;
use std::time::Duration;

use kit::Failure;

use crate::database;
use crate::finding::Finding;
use crate::grammar::keys::Keys;
use crate::kind::program::docker::Containers;
use crate::kind::program::hurl::HurlFile;
use crate::kind::program::nginx::Nginx;
use crate::kind::program::systemd::Unit;
use crate::trial::Conditions;

/// What a check looks at.
pub(crate) trait Subject: Debug + Send + Sync {
    /// What it looks at, for a person.
    fn spell(&self) -> String;

    /// Looks once, in time, and judges what was seen.
    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding;

    /// What is compared with the commit that is expected: the path in an answer, say.
    fn compares(&self) -> Option<String> {
        None
    }

    /// The log whose new lines it looks at, as the check names it.
    fn log(&self) -> Option<&str> {
        None
    }
}

/// Reads a subject from its keys.
type Read = fn(&mut Keys<'_>) -> Result<Box<dyn Subject>, Failure>;

/// A kind of checks.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// The keys that only this kind has.
    pub(crate) keys: &'static [&'static str],
    /// Takes them, and what is expected.
    pub(crate) read: Read,
}

/// All kinds, in the order of the reference.
const KINDS: &[Kind] = &[
    Kind {
        name: "http",
        keys: &["url", "method", "headers", "basic", "body", "form", "json", "redirects", "ca", "socket", "commit"],
        read: http::read,
    },
    Kind { name: "flow", keys: &["step", "ca", "socket"], read: flow::read },
    Kind { name: "command", keys: &["run"], read: command::read },
    Kind { name: "disk", keys: &["path"], read: disk::read },
    Kind { name: "tcp", keys: &["address"], read: tcp::read },
    Kind { name: "tls", keys: &["address", "server_name", "ca"], read: tls::read },
    Kind { name: "sqlite", keys: &["database", "query"], read: sqlite::read },
    Kind { name: "postgres", keys: database::KEYS, read: postgres::read },
    Kind { name: "mysql", keys: database::KEYS, read: mysql::read },
    Kind { name: "redis", keys: &["url", "address", "command"], read: redis::read },
    Kind { name: "file", keys: &["path"], read: file::read },
    Kind { name: "env", keys: &["variables"], read: env::read },
    Kind { name: "git", keys: &["path", "ref"], read: git::read },
    Kind { name: "load", keys: &[], read: load::read },
    Kind { name: "memory", keys: &[], read: memory::read },
    Kind { name: "process", keys: &["command", "pid_file"], read: process::read },
    program::kind::<Unit>(),
    program::kind::<Containers>(),
    program::kind::<Nginx>(),
    program::kind::<HurlFile>(),
    Kind { name: "crawl", keys: crawl::KEYS, read: crawl::read },
    Kind { name: "log", keys: &["path"], read: log::read },
    Kind { name: "telegram", keys: &["token", "api"], read: telegram::read },
];

impl Kind {
    /// The kind of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }

    /// All names, for a complaint.
    pub(crate) fn names() -> String {
        let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
        names.join(", ")
    }
}
