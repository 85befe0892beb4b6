//! Whether a backup can be made here and now: the database answers and may be read, and there is room for it.

use db::engine::Server;
use db::sqlite::Live;
use db::{Deadline, Entry, Store};
use kit::quantity::size;
use kit::{Context, Exit, Failure, Outcome, files};

use crate::args::{Args, IfAbsent};
use crate::owner::Owner;
use crate::source::{Database, Source};

/// Looks and makes nothing: 1 when there is no room, 77 when the role may not read everything, with the statement that lets
/// it; and what [`Source::find`] and the servers say.
pub(crate) fn check(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    let deadline = Deadline::after(args.timeout);
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let database = match Source::find(IfAbsent::Fail, &deadline, cx)? {
        Source::Database(database) => database,
        Source::Nothing(reason) => return Ok(cx.skip(&reason)),
    };
    args.wishes.manner(database.engine())?;
    let mut lines = Vec::new();
    if let Database::File(path) = &database
        && let Live::Damaged(why) = db::sqlite::look(path, &deadline)?
    {
        let message = format!("{} cannot be backed up: {why}", path.display());
        return Err(Failure::new(Exit::NO, message).hint("a good backup takes its place: restore-db"));
    }
    if let Database::Server { server, .. } = &database {
        lines.push(versions(server.as_ref(), cx));
        server.prepare(&deadline)?;
        lines.push("the role may read all that a backup needs".to_owned());
    }
    let owner = Owner::of(database.identity(), &cx.settings);
    let last = store.entries()?.into_iter().find(|entry| entry.is_good() && owner.owns(entry));
    let (needed, why) = forecast(&database, last.as_ref(), &deadline)?;
    let free = files::free(store.dir())?;
    cx.detail("free", free);
    cx.detail("needed", needed);
    let room = format!("{} free in {}, about {} needed: {why}", size(free), store.dir().display(), size(needed));
    if free < needed {
        let failure = Failure::new(Exit::NO, format!("there is no room for a backup: {room}"))
            .hint("make room, or name another place with --backup-dir");
        return Ok(Outcome::failed(failure, lines.join("\n")));
    }
    lines.push(room);
    Ok(Outcome::done(lines.join("\n")))
}

fn versions(server: &dyn Server, cx: &mut Context) -> String {
    cx.detail("server_version", server.version());
    cx.detail("client_version", server.client_version());
    format!("server {}, client {}", server.version(), server.client_version())
}

/// How many bytes the next backup takes at most, as far as that is known: as many as the last one and a fifth more, or
/// without one as many as the database, for nobody knows how well that compresses. A SQLite database is copied before it is
/// compressed.
fn forecast(database: &Database, last: Option<&Entry>, deadline: &Deadline) -> Result<(u64, String), Failure> {
    let live = match database {
        Database::File(path) => db::sqlite::size(path)?.unwrap_or_default(),
        Database::Server { server, .. } => server.size(deadline)?.unwrap_or_default(),
    };
    let copy = if matches!(database, Database::File(_)) { live } else { 0 };
    let stored = last.and_then(|entry| Some((&entry.name, entry.manifest.as_ref()?.stored.size)));
    Ok(match stored {
        Some((name, stored)) => (copy + stored + stored / 5, format!("{name} has {}", size(stored))),
        None => (copy + live, format!("the database has {}, and there is no backup yet", size(live))),
    })
}
