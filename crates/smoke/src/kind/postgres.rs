//! A PostgreSQL server: whether it would let somebody in, or what a query gives.

use db::postgres::Asker;
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
    name: "PostgreSQL",
    port: 5432,
    tells_version: false,
    of_url: |url| if let Url::Postgres(address) = url { Some(address) } else { None },
    check: Asker::check,
    greet,
    ask: |address, query, places, deadline| Asker::find(address)?.ask(query, places, deadline),
};

/// Version 3.0 of the protocol, which every server since 7.4 speaks.
const VERSION: u32 = 3 << 16;

/// No request for a password and no error is longer (libpq takes no longer ones either).
const LONGEST: usize = 30_000;

/// Classes of SQLSTATE (PostgreSQL, Appendix A) with which a server that works refuses somebody: the role, the database or a
/// right is not there. All others say that it does not work: it is starting, stopping, full, or out of something.
const WORKS: [&str; 3] = ["28", "3D", "42"];

/// Takes the keys of a postgres check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    database::read(keys, &ENGINE)
}

/// Begins to log in, and leaves as soon as the server asks for a password, welcomes the role or sends it away (PostgreSQL 55.2.1,
/// 55.7).
fn greet(endpoint: &Endpoint, address: Option<&Address>, deadline: Deadline) -> Result<Greeting, Finding> {
    let mut server = Dialogue::open(endpoint, "PostgreSQL's protocol", deadline)?;
    server.say(&startup(address))?;
    let head = server.hear(5)?;
    let &[kind @ (b'R' | b'E'), ref length @ ..] = head.as_slice() else { return Err(server.foreign()) };
    let length = length.try_into().map(u32::from_be_bytes).ok().and_then(|length| usize::try_from(length).ok());
    // The length counts itself.
    let length = length.filter(|length| (8..=LONGEST).contains(length)).ok_or_else(|| server.foreign())?;
    let body = server.hear(length - 4)?;
    if kind == b'E' && !WORKS.iter().any(|class| state(&body).starts_with(class)) {
        return Err(server.refusal(format!("{} ({})", field(&body, b'M'), state(&body)).as_bytes()));
    }
    let took = server.took();
    // Terminate. A server that is gone already does not need it.
    server.say(b"X\0\0\0\x04").ok();
    Ok(Greeting { version: String::new(), took })
}

/// The first message. Nobody has to be called so.
fn startup(address: Option<&Address>) -> Vec<u8> {
    let user = address.and_then(|address| address.user.as_deref()).unwrap_or("smoke-test");
    let database = address.map_or("postgres", |address| address.database.as_str());
    let texts = ["user", user, "database", database, "application_name", "smoke-test", ""];
    let mut body = VERSION.to_be_bytes().to_vec();
    for text in texts {
        body.extend(text.bytes().filter(|byte| *byte != 0));
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

/// Its SQLSTATE, the same in every language.
fn state(error: &[u8]) -> String {
    field(error, b'C')
}

/// A field of an error: a letter and a text.
fn field(error: &[u8], letter: u8) -> String {
    let found = error.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[letter]));
    String::from_utf8_lossy(found.unwrap_or_default()).into_owned()
}
