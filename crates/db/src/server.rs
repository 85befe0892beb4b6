//! Which server a URL means, and what is learnt from a dump of it.

use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::engine::{Engine, Server, Text};
use crate::mysql::{self, Mysql};
use crate::postgres::{Postgres, Script};
use crate::url::Url;

/// Connects to the server of a URL: 69 when it does not answer or the programs for it are missing, 77 when it refuses the
/// role, 78 for a URL that means no server.
pub fn connect(url: &Url, deadline: &Deadline) -> Result<Box<dyn Server>, Failure> {
    match url {
        Url::Postgres(address) => Ok(Box::new(Postgres::connect(address, deadline)?)),
        Url::Mysql(address) => Ok(Box::new(Mysql::connect(address, deadline)?)),
        Url::Sqlite(path) => {
            let message = format!("the SQLite database {} is on no server", path.display());
            Err(Failure::new(Exit::SETTINGS, message).hint("set DATABASE_URL to postgres://… or mysql://…"))
        }
    }
}

/// What reads a plain dump of this engine; `None` where there is no such text.
#[must_use]
pub fn text(engine: Engine) -> Option<Box<dyn Text>> {
    match engine {
        Engine::Postgres => Some(Box::new(Script::default())),
        Engine::Mysql => Some(Box::new(mysql::Text::default())),
        Engine::Sqlite => None,
    }
}
