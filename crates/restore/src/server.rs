//! What the restores of databases on servers have in common.

use db::engine::Server;
use db::{Deadline, Engine, Url};
use kit::quantity::size;
use kit::{Context, Exit, Failure, clock};

use crate::choice::Choice;
use crate::source::{Source, contents};

/// A backup must be one of this very database, unless another one is wanted: 78 otherwise.
pub(crate) fn guard(source: &Source, url: &Url, choice: &Choice) -> Result<(), Failure> {
    let Some(set) = source.set() else {
        return Ok(());
    };
    let manifest = set.manifest();
    if manifest.engine != url.engine() {
        let message = format!("{} is of a {} database, and {url} is none", source.spell(), manifest.engine);
        return Err(Failure::new(Exit::SETTINGS, message).hint("set DATABASE_URL to a database of that engine"));
    }
    if manifest.database == url.identity() || choice.into_other {
        return Ok(());
    }
    let message = format!("{} is of {}, not of {url}", source.spell(), manifest.database);
    Err(Failure::new(Exit::SETTINGS, message).hint("to restore it here all the same, say --into-other"))
}

/// What is there now and what comes, in one sentence. Only PostgreSQL gets a database that is not there: what a new one of
/// MySQL must be like, nothing tells. There it is 66.
pub(crate) fn announcement(
    server: &dyn Server,
    source: &Source,
    url: &Url,
    deadline: &Deadline,
) -> Result<String, Failure> {
    let now = match (server.size(deadline)?, url.engine()) {
        (Some(bytes), _) => format!("replacing {url} ({})", size(bytes)),
        (None, Engine::Postgres) => format!("making {url}, which is not there,"),
        (None, _) => {
            let message = format!("there is no database {url} to be replaced");
            let hint = "make an empty one first, with the character set it is to have";
            return Err(Failure::new(Exit::ABSENT, message).hint(hint));
        }
    };
    let told = source.set().map(|set| contents(set.manifest().raw.size, &set.manifest().tables));
    let comes = told.map(|comes| format!(" ({comes})")).unwrap_or_default();
    Ok(format!("{now} from {}{comes}", source.spell()))
}

/// The moment in the names of what is made beside the live database: `20261121T101500Z`.
pub(crate) fn stamp() -> String {
    clock::file_name(clock::now()).replace('-', "")
}

/// Says that something was left beside the live database, which only costs room.
pub(crate) fn left_over(what: &str, failure: &Failure, cx: &Context) {
    cx.warn(&format!("{what} could not be removed, and may be by hand: {}", failure.message));
}
