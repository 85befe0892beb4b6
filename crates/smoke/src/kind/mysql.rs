//! A MySQL or MariaDB server: whether it would let somebody in, or what a query gives.

use db::mysql::Asker;
use db::{Address, Deadline, Url};
use kit::Failure;

use crate::database::greeting::Greeting;
use crate::database::{self, Engine};
use crate::finding::Finding;
use crate::grammar::keys::Keys;
use crate::kind::Subject;
use crate::wire::dialogue::Dialogue;
use crate::wire::endpoint::Endpoint;

const ENGINE: Engine = Engine {
    name: "MySQL or MariaDB",
    port: 3306,
    tells_version: true,
    of_url: |url| if let Url::Mysql(address) = url { Some(address) } else { None },
    check: Asker::check,
    greet,
    ask: |address, query, places, deadline| Asker::find(address, deadline)?.ask(query, places, deadline),
};

/// The version of the protocol, and what an error begins with in its place (MySQL, "Protocol::Handshake" and "ERR_Packet").
const VERSION: u8 = 10;
const ERROR: u8 = 0xff;

/// No greeting and no error is longer.
const LONGEST: usize = 4096;

/// Takes the keys of a mysql check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    database::read(keys, &ENGINE)
}

/// Hears the greeting, which comes by itself, and leaves.
fn greet(endpoint: &Endpoint, _address: Option<&Address>, deadline: Deadline) -> Result<Greeting, Finding> {
    let mut server = Dialogue::open(endpoint, "MySQL's protocol", deadline)?;
    let head = server.hear(4)?;
    let &[low, middle, high, 0 | 1] = head.as_slice() else { return Err(server.foreign()) };
    let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
    if !(2..=LONGEST).contains(&length) {
        return Err(server.foreign());
    }
    let packet = server.hear(length)?;
    match packet.as_slice() {
        [VERSION, rest @ ..] => Ok(Greeting { version: version(rest), took: server.took() }),
        [ERROR, low, high, words @ ..] => {
            let code = u16::from_le_bytes([*low, *high]);
            Err(server.refusal(format!("{} ({code})", String::from_utf8_lossy(without_state(words))).as_bytes()))
        }
        _ => Err(server.foreign()),
    }
}

/// A text that NUL ends. MariaDB puts an old number in front, for old replicas.
fn version(rest: &[u8]) -> String {
    let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(text).into_owned();
    match text.strip_prefix("5.5.5-") {
        Some(rest) if rest.contains("MariaDB") => rest.to_owned(),
        _ => text,
    }
}

/// `#08S01Too many connections`: not every server tells a SQLSTATE before the login.
fn without_state(words: &[u8]) -> &[u8] {
    if words.starts_with(b"#") { words.get(6..).unwrap_or_default() } else { words }
}
