//! The engine of MySQL and MariaDB, against a real MariaDB server.
#![cfg(test)]

mod backup;
mod harm;
mod restore;

use std::io::Read;
use std::time::Duration;

use db::engine::Server;
use db::manifest::Census;
use db::mysql::Mysql;
use db::{Address, Deadline, Format, Url};
use kit::Failure;

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(120))
}

fn address(url: &str) -> Address {
    match Url::parse(url) {
        Ok(Url::Mysql(address)) => address,
        other => panic!("{url}: {other:?}"),
    }
}

fn connect(url: &str) -> Result<Mysql, Failure> {
    Mysql::connect(&address(url), &deadline())
}

fn connected(url: &str) -> Mysql {
    connect(url).unwrap_or_else(|failure| panic!("{failure:?}"))
}

/// The dump whole, and its tables.
fn dump(server: &Mysql) -> Result<(Vec<u8>, Census), Failure> {
    let mut dump = server.dump(Format::Plain, &deadline())?;
    let mut bytes = Vec::new();
    dump.read_to_end(&mut bytes).expect("a dump can be read");
    dump.finish().map(|census| (bytes, census))
}

fn code<T>(result: Result<T, Failure>) -> (u8, String) {
    let failure = result.err().expect("it fails");
    (failure.exit.code(), format!("{} {}", failure.message, failure.hint.unwrap_or_default()))
}
