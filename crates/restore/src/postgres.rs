//! PostgreSQL: the backup is loaded into a new database beside the live one and compared; then one transaction renames both,
//! so programs find the old data or the new. What was live is kept for `--undo`.

use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process;
use std::time::Instant;

use db::manifest::{Census, difference};
use db::postgres::{Keeper, Postgres, Scratch};
use db::{Address, Deadline, Store, Url, packing};
use kit::{Attempt, Context, Exit, Failure, clock, files};

use crate::server::left_over;
use crate::source::Source;

/// A database that is to be restored.
pub(crate) struct Target {
    live: Postgres,
    admin: Option<Address>,
}

impl Target {
    /// Connects to it.
    pub(crate) fn connect(address: &Address, deadline: &Deadline, cx: &Context) -> Result<Self, Failure> {
        let admin = match cx.settings.secret("ADMIN_DATABASE_URL")?.map(|text| Url::parse(&text)).transpose()? {
            Some(Url::Postgres(admin)) => Some(admin),
            None => None,
            Some(_) => {
                let message = "ADMIN_DATABASE_URL is no postgres:// URL";
                return Err(Failure::new(Exit::SETTINGS, message)
                    .hint("it names the server of DATABASE_URL, and a role that may make databases"));
            }
        };
        Ok(Self { live: Postgres::connect(address, deadline)?, admin })
    }

    /// The server.
    pub(crate) fn server(&self) -> &Postgres {
        &self.live
    }

    /// Restores a dump and keeps what was live, and of what was live before that `keep` databases in all.
    pub(crate) fn restore(
        &self,
        source: &Source,
        store: &Store,
        keep: usize,
        deadline: &Deadline,
        cx: &mut Context,
    ) -> Result<(), Failure> {
        let scratch = self.load(source, store, deadline, cx)?;
        if let Some(previous) = scratch.swap(deadline)?.filter(|_| keep > 0) {
            cx.say(&format!("what was live is kept as the database {previous}"));
            cx.detail("kept", previous);
        }
        match self.keeper(deadline).and_then(|keeper| keeper.drop_previous(keep, deadline)) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) if keep == 0 => cx.say(&format!("dropped what was live: {}; there is no --undo", gone.join(", "))),
            Ok(gone) => cx.say(&format!("dropped what was kept before: {}", gone.join(", "))),
            Err(failure) => left_over("what was kept before", &failure, cx),
        }
        Ok(())
    }

    /// Restores a dump beside the live database and drops it again: how many milliseconds that took.
    pub(crate) fn rehearse(
        &self,
        source: &Source,
        store: &Store,
        deadline: &Deadline,
        cx: &Context,
    ) -> Result<u64, Failure> {
        let began = Instant::now();
        let scratch = self.load(source, store, deadline, cx)?;
        let took = clock::milliseconds(began.elapsed());
        scratch.discard()?;
        Ok(took)
    }

    /// Puts back what was live before the newest restore.
    pub(crate) fn undo(&self, deadline: &Deadline, cx: &mut Context) -> Result<String, Failure> {
        let (back, kept) = self.keeper(deadline)?.undo(deadline)?;
        if let Some(kept) = kept {
            cx.say(&format!("what was live is kept as the database {kept}"));
            cx.detail("kept", kept);
        }
        Ok(back)
    }

    fn keeper(&self, deadline: &Deadline) -> Result<Keeper, Failure> {
        Keeper::find(&self.live, self.admin.as_ref(), deadline)
    }

    fn load(&self, source: &Source, store: &Store, deadline: &Deadline, cx: &Context) -> Result<Scratch, Failure> {
        let scratch = Scratch::create(self.keeper(deadline)?, deadline)?;
        match fill(&scratch, source, store, deadline, cx) {
            Ok(()) => Ok(scratch),
            Err(failure) => {
                let name = scratch.name().to_owned();
                if let Err(failure) = scratch.discard() {
                    left_over(&format!("the database {name}"), &failure, cx);
                }
                Err(source.blame(failure))
            }
        }
    }
}

/// Loads all of it, and proves that what is there then is what was dumped.
fn fill(scratch: &Scratch, source: &Source, store: &Store, deadline: &Deadline, cx: &Context) -> Result<(), Failure> {
    let told = source.set().map(|set| set.manifest().tables.clone());
    let expected = if source.is_archive()? {
        load_archive(scratch, source, store, deadline, cx)?;
        told
    } else {
        let loaded = load_text(scratch, source, deadline, cx)?;
        require_equal(told.as_ref(), &loaded)?;
        Some(loaded)
    };
    let mut found = scratch.census(deadline)?;
    if let (None, Some(expected)) = (source.set(), &expected) {
        // Only rows behind COPY are counted in a text, and other programs write INSERT as well.
        found.retain(|table, _| expected.contains_key(table));
    }
    require_equal(expected.as_ref(), &found)
}

fn load_text(scratch: &Scratch, source: &Source, deadline: &Deadline, cx: &Context) -> Result<Census, Failure> {
    let mut loading = scratch.load(source.trust(), deadline)?;
    match source.pour(&mut loading, deadline, cx) {
        Ok(()) => loading.finish(),
        // A psql that reads no more knows why.
        Err(failure) if failure.exit == Exit::IO => Err(loading.finish().err().unwrap_or(failure)),
        Err(failure) => Err(failure),
    }
}

/// `pg_restore` wants a file that it can search, so the archive is decompressed first: into a file without a name in the
/// directory of the backups, which is gone with this tool.
fn load_archive(
    scratch: &Scratch,
    source: &Source,
    store: &Store,
    deadline: &Deadline,
    cx: &Context,
) -> Result<(), Failure> {
    let jobs = u32::try_from(packing::threads()).unwrap_or(1);
    if let Some(path) = source.directory() {
        return scratch.load_archive(&path, jobs, source.trust(), deadline);
    }
    let doing = format!("make a file in {}", store.dir().display());
    files::make_private_dir(store.dir())?;
    source.require_room(store.dir())?;
    let mut file = tempfile::tempfile_in(store.dir()).attempt(doing)?;
    source.pour(&mut file, deadline, cx)?;
    let path = PathBuf::from(format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd()));
    scratch.load_archive(&path, jobs, source.trust(), deadline)
}

fn require_equal(expected: Option<&Census>, found: &Census) -> Result<(), Failure> {
    expected.and_then(|expected| difference(expected, found)).map_or(Ok(()), |what| {
        Err(Failure::new(Exit::DAMAGED, format!("what was restored is not what was backed up: {what}")))
    })
}
