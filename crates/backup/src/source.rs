//! What there is to back up.

use db::{Url, sqlite};
use kit::{Context, Exit, Failure};

use crate::args::IfAbsent;

/// The database, or the reason why there is none.
pub(crate) enum Source {
    Database(Url),
    Nothing(String),
}

impl Source {
    /// The database that the settings name. Without one it is 78 or 66, or, when that may be skipped, no failure: an
    /// app without a database has nothing to back up, and before the first deployment the app has made none. Once a
    /// deployment has touched the environment, a database that is gone is a disaster and not a beginning.
    pub(crate) fn find(if_absent: IfAbsent, cx: &Context) -> Result<Self, Failure> {
        let skip = if_absent == IfAbsent::Skip;
        let url = match Url::find(&cx.settings)? {
            Some(url) => url,
            None if skip => return Ok(Self::Nothing("DATABASE_URL is not set".to_owned())),
            None => Url::require(&cx.settings)?,
        };
        let path = url.require_file()?;
        match sqlite::size(path)? {
            Some(0) => {
                let message = format!("{} has no bytes: it is no database", path.display());
                Err(Failure::new(Exit::DAMAGED, message).hint(WAY_OUT))
            }
            Some(_) => Ok(Self::Database(url)),
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
