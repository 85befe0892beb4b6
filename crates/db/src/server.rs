//! Which server a URL means, and what is learnt from a dump of it.

use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::engine::{Engine, Server, Text};
use crate::postgres::{Postgres, Script};
use crate::url::Url;

/// Connects to the server of a URL: 69 when it does not answer or the programs for it are missing, 77 when it refuses the
/// role, 78 for a URL that means no server.
pub fn connect(url: &Url, deadline: &Deadline) -> Result<Box<dyn Server>, Failure> {
    match url {
        Url::Postgres(address) => Ok(Box::new(Postgres::connect(address, deadline)?)),
        Url::Sqlite(_) | Url::Mysql(_) => {
            Err(Failure::new(Exit::SETTINGS, format!("{} databases are not supported yet", url.engine()))
                .hint("supported: sqlite:///absolute/path/of/the/file, postgres://USER:PASSWORD@HOST:PORT/NAME"))
        }
    }
}

/// What reads a plain dump of this engine; `None` where there is no such text.
#[must_use]
pub fn text(engine: Engine) -> Option<Box<dyn Text>> {
    match engine {
        Engine::Postgres => Some(Box::new(Script::default())),
        Engine::Sqlite | Engine::Mysql => None,
    }
}
