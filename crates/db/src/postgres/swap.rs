//! Puts a database in the place of the live one. Both renames are one transaction: at no instant, and after no crash, is
//! there no live database or half of one.

use std::time::Duration;

use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::postgres::keeper::{Keeper, databases, disconnect};
use crate::postgres::names::Kind;
use crate::postgres::properties::Properties;
use crate::postgres::quote::identifier;
use crate::postgres::session::Session;

impl Keeper {
    /// Puts what was live before the newest restore back, and keeps what is live now in its stead, so that this can be
    /// undone too. 66 when there is nothing to put back. Returns the names of what came back and of what is kept.
    pub fn undo(&self, deadline: &Deadline) -> Result<(String, Option<String>), Failure> {
        let Some(newest) = self.previous(deadline)?.into_iter().next() else {
            let message = format!("nothing is kept from before a restore of {}", self.server.address);
            return Err(Failure::new(Exit::ABSENT, message));
        };
        let mut session = self.session(deadline)?;
        let kept = exchange(self, &mut session, &newest, deadline)?;
        // It is done, however the conversation ends.
        drop(session.close());
        Ok((newest, kept))
    }
}

/// For one attempt to swap, and for what must still be done after the deadline.
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// Gives a database the rights, settings and comment of the live one, and puts it in its place.
pub(crate) fn put_in_place(
    keeper: &Keeper,
    session: &mut Session,
    name: &str,
    deadline: &Deadline,
) -> Result<Option<String>, Failure> {
    // As they are now: they may have changed while the dump was loaded.
    match Properties::read(session, keeper.live_name()) {
        Ok(live) => {
            let statements = live.statements(name).join("\n");
            session.ask(&format!("BEGIN;\n{statements}\nCOMMIT;"), 1)?;
        }
        Err(failure) if failure.exit == Exit::ABSENT => {}
        Err(failure) => return Err(failure),
    }
    exchange(keeper, session, name, deadline)
}

/// Renames the live database, if there is one, and gives its name to another. Tried again until the deadline while somebody
/// is connected: 75 then.
fn exchange(
    keeper: &Keeper,
    session: &mut Session,
    name: &str,
    deadline: &Deadline,
) -> Result<Option<String>, Failure> {
    let live = keeper.live_name();
    let mut kept = None;
    let mut renames = format!("ALTER DATABASE {} RENAME TO {};", identifier(name), identifier(live));
    if has_database(session, live)? {
        let before = keeper.free_name(session, Kind::Before)?;
        renames = format!("ALTER DATABASE {} RENAME TO {};\n{renames}", identifier(live), identifier(&before));
        kept = Some(before);
    }
    loop {
        match rename(keeper, session, &[live, name], &renames) {
            Err(failure) if failure.exit == Exit::BUSY && !deadline.has_passed() => deadline.check()?,
            Err(failure) if failure.exit == Exit::BUSY => {
                return Err(failure.hint("end that connection or prepared transaction, or set ADMIN_DATABASE_URL"));
            }
            Err(failure) => match is_done(keeper, name) {
                Ok(true) => return Ok(kept),
                Ok(false) => return Err(failure),
                Err(_) => {
                    let hint =
                        "whether the swap was committed is not known; when the server answers, run restore-db again";
                    return Err(failure.hint(hint));
                }
            },
            Ok(()) => return Ok(kept),
        }
    }
}

/// Whether the renames are done although nobody was told: the connection was lost at the commit.
fn is_done(keeper: &Keeper, name: &str) -> Result<bool, Failure> {
    let deadline = Deadline::after(GRACE);
    let mut session = keeper.session(&deadline)?;
    let is_gone = !has_database(&mut session, name)? && has_database(&mut session, keeper.live_name())?;
    session.close()?;
    Ok(is_gone)
}

/// One attempt. The server locks the database first, so that nobody new comes in, and then waits up to five seconds for
/// those who are there: they are told to go from beside meanwhile. So each connection is cut once. The attempt is not cut off
/// by the deadline, so that it is known what became of it and nobody is left waiting at the lock.
fn rename(keeper: &Keeper, session: &mut Session, names: &[&str], renames: &str) -> Result<(), Failure> {
    let mut renaming = keeper.session(&Deadline::after(GRACE))?;
    renaming.tell(&format!("BEGIN;\nSET LOCAL synchronous_commit = on;\n{renames}\nCOMMIT;"))?;
    while !renaming.has_answered()? {
        for name in names {
            disconnect(session, name)?;
        }
    }
    renaming.answer(1)?;
    renaming.close()
}

fn has_database(session: &mut Session, name: &str) -> Result<bool, Failure> {
    Ok(databases(session)?.iter().any(|database| database == name))
}
