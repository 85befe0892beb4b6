//! What there is to back up.

use std::path::PathBuf;

use db::engine::Server;
use db::{Deadline, Engine, Url, server, sqlite};
use kit::{Context, Exit, Failure};

use crate::args::IfAbsent;

/// A database that is there.
pub(crate) enum Database {
    /// A SQLite database, by its file.
    File(PathBuf),
    /// One on a server that answers.
    Server { url: Url, server: Box<dyn Server> },
}

impl Database {
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::File(_) => Engine::Sqlite,
            Self::Server { url, .. } => url.engine(),
        }
    }

    /// What a manifest calls it.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Server { url, .. } => url.identity(),
        }
    }
}

/// The database, or the reason why there is none.
pub(crate) enum Source {
    Database(Database),
    Nothing(String),
}

impl Source {
    /// The database that the settings name. Without one it is 78 or 66, or, when that may be skipped, no failure: an
    /// app without a database has nothing to back up, and before the first deployment the app has made none. Once a
    /// deployment has touched the environment, a database that is gone is a disaster and not a beginning.
    pub(crate) fn find(if_absent: IfAbsent, deadline: &Deadline, cx: &Context) -> Result<Self, Failure> {
        let skip = if_absent == IfAbsent::Skip;
        let url = match Url::find(&cx.settings)? {
            Some(url) => url,
            None if skip => return Ok(Self::Nothing("DATABASE_URL is not set".to_owned())),
            None => Url::require(&cx.settings)?,
        };
        let Some(path) = url.path() else {
            let server = server::connect(&url, deadline)?;
            return match server.size(deadline)? {
                Some(_) => Ok(Self::Database(Database::Server { url, server })),
                None => absent(&url, skip, cx),
            };
        };
        match sqlite::size(path)? {
            Some(0) => {
                let message = format!("{} has no bytes: it is no database", path.display());
                Err(Failure::new(Exit::DAMAGED, message).hint(WAY_OUT))
            }
            Some(_) => Ok(Self::Database(Database::File(path.to_owned()))),
            None => absent(&url, skip, cx),
        }
    }
}

const WAY_OUT: &str = "restore it with restore-db latest, or correct DATABASE_URL; if the app has yet to make it, start \
                       the app once";

fn absent(url: &Url, skip: bool, cx: &Context) -> Result<Source, Failure> {
    let message = format!("there is no database {}", url.identity());
    if !skip {
        return Err(Failure::new(Exit::ABSENT, message).hint(WAY_OUT));
    }
    if cx.history()?.is_touched() {
        let message = format!("{message}, though a deployment has touched this environment before");
        return Err(Failure::new(Exit::ABSENT, message).hint(WAY_OUT));
    }
    Ok(Source::Nothing(format!("{message} yet")))
}
