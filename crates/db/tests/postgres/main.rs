//! The PostgreSQL engine against a real server.
#![cfg(test)]

mod connecting;
mod dumping;
mod language;
mod restoring;
mod rights;
mod swapping;
mod tls;

use std::io::Read;
use std::time::Duration;

use db::engine::Dump;
use db::manifest::Census;
use db::postgres::Postgres;
use db::{Deadline, Url};
use kit::Failure;
use testkit::Database;

pub(crate) fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(300))
}

pub(crate) fn connect(url: &str) -> Result<Postgres, Failure> {
    match Url::parse(url).unwrap() {
        Url::Postgres(address) => Postgres::connect(&address, &deadline()),
        other => panic!("{other} is no PostgreSQL database"),
    }
}

pub(crate) fn read(mut dump: Box<dyn Dump>) -> Result<(Vec<u8>, Census), Failure> {
    let mut bytes = Vec::new();
    let read = dump.read_to_end(&mut bytes);
    let census = dump.finish()?;
    read.unwrap();
    Ok((bytes, census))
}

pub(crate) fn rich() -> Database {
    let database = testkit::Postgres::shared().fresh();
    database.rich();
    database
}
