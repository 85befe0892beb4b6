//! A restore from the choice of the backup to the proof, for each engine: nothing live is touched before the backup has been
//! verified and somebody has consented.

use db::engine::Server;
use db::sqlite::Live;
use db::{Address, Deadline, Store, Url};
use kit::lock::Lock;
use kit::{Context, Exit, Failure, Outcome};

use crate::args::Args;
use crate::consent::Consent;
use crate::source::Source;
use crate::sqlite::{Replacement, Target, Unpacked};
use crate::{mysql, postgres, safety, server, sqlite};

/// What is wanted, and how long it may take.
pub(crate) struct Restore<'a> {
    pub(crate) args: &'a Args,
    pub(crate) consent: Consent,
    pub(crate) url: &'a Url,
    pub(crate) store: &'a Store,
    pub(crate) deadline: Deadline,
}

impl Restore<'_> {
    /// A SQLite database, by its file.
    pub(crate) fn file(&self, lock: Option<&Lock>, cx: &mut Context) -> Result<Outcome, Failure> {
        let (args, deadline) = (self.args, &self.deadline);
        let source = self.source(cx)?;
        let target = Target::find(self.url, &source, args.choice.into_other)?;
        cx.detail("database", target.path().display().to_string());
        let copy = Unpacked::beside(target.path(), &source, deadline, cx)?;
        cx.detail("tables", copy.tables().len());
        cx.detail("rows", copy.tables().values().sum::<u64>());
        let live = target.look(deadline)?;
        let announcement = sqlite::announcement(&target, &live, &source, &copy);
        if args.dry_run {
            return Ok(Outcome::done(announcement));
        }
        self.consent.ask(&announcement, cx)?;
        let live = self.save_file(&target, live, lock, cx)?;
        let replacement = Replacement::make(&target, &live, &copy, deadline).inspect_err(|failure| {
            // An error of the disk can come after the commit as well.
            if failure.exit != Exit::IO {
                safety::replaced_nothing(cx);
            }
        })?;
        replacement.tell(&target, cx);
        target.verify(copy.tables(), deadline, cx)?;
        Ok(Outcome::done(target.path().display().to_string()))
    }

    /// A PostgreSQL database.
    pub(crate) fn postgres(&self, address: &Address, cx: &mut Context) -> Result<Outcome, Failure> {
        let target = postgres::Target::connect(address, &self.deadline, cx)?;
        if self.args.choice.undo {
            self.consent.ask(&format!("putting back what {} was before the last restore", self.url), cx)?;
            cx.detail("database", self.url.identity());
            let back = target.undo(&self.deadline, cx)?;
            cx.say(&format!("{back} is live again"));
            return Ok(Outcome::done(self.url.identity()));
        }
        let source = self.source(cx)?;
        server::guard(&source, self.url, &self.args.choice)?;
        if let Some(announced) = self.announce(target.server(), &source, cx)? {
            return Ok(announced);
        }
        let keep = self.args.previous.keep_previous;
        target.restore(&source, self.store, keep, &self.deadline, cx)?;
        Ok(Outcome::done(self.url.identity()))
    }

    /// A MySQL or MariaDB database.
    pub(crate) fn mysql(&self, address: &Address, lock: Option<&Lock>, cx: &mut Context) -> Result<Outcome, Failure> {
        let target = mysql::Target::connect(address, &self.deadline, cx)?;
        let source = self.source(cx)?;
        server::guard(&source, self.url, &self.args.choice)?;
        if let Some(announced) = self.announce(target.server(), &source, cx)? {
            return Ok(announced);
        }
        let has_finished = target.settle(&self.deadline, cx)?;
        let is_saved =
            has_finished && !self.args.choice.undo && safety::keep_last(self.store, &self.url.identity(), cx);
        if !is_saved {
            self.save(lock, cx)?;
        }
        target.restore(&source, &self.deadline, cx)?;
        Ok(Outcome::done(self.url.identity()))
    }

    /// Makes a backup of what is live, unless it is not wanted: to undo a restore is to restore that one.
    fn save(&self, lock: Option<&Lock>, cx: &mut Context) -> Result<(), Failure> {
        if self.args.previous.without_safety_backup {
            return Ok(());
        }
        safety::save(lock, self.store, &self.deadline, cx).inspect_err(|_| safety::replaced_nothing(cx))
    }

    /// The same of a file, where there is something to save. Damage that a first look did not meet is met now: then that file
    /// is kept aside as well.
    fn save_file(&self, target: &Target, live: Live, lock: Option<&Lock>, cx: &mut Context) -> Result<Live, Failure> {
        if self.args.previous.without_safety_backup {
            return Ok(live);
        }
        if !matches!(live, Live::Sound { .. }) {
            cx.say("no backup is made first: there is no sound database to be kept for --undo");
            return Ok(live);
        }
        let Err(failure) = self.save(lock, cx) else { return Ok(live) };
        let damage = if failure.exit == Exit::DAMAGED { target.damage(&self.deadline)? } else { None };
        damage.map_or(Err(failure), |why| {
            cx.warn("no backup is made first: what is live is damaged, so it is kept beside the new file");
            Ok(Live::Damaged(why))
        })
    }

    fn source(&self, cx: &mut Context) -> Result<Source, Failure> {
        let source = Source::find(&self.args.choice, self.store, self.url, &cx.settings, &self.deadline)?;
        source.record(cx);
        Ok(source)
    }

    /// Says what is about to happen, and goes on when nobody objects; the outcome when it was only to be said.
    fn announce(&self, server: &dyn Server, source: &Source, cx: &mut Context) -> Result<Option<Outcome>, Failure> {
        cx.detail("database", self.url.identity());
        if let Some(manifest) = source.set().map(db::Set::manifest) {
            cx.detail("tables", manifest.tables.len());
            cx.detail("rows", manifest.rows());
        }
        let announcement = server::announcement(server, source, self.url, &self.deadline)?;
        if self.args.dry_run {
            let unseen = if source.set().is_none() { "; what is in it was not looked at" } else { "" };
            return Ok(Some(Outcome::done(format!("{announcement}{unseen}"))));
        }
        self.consent.ask(&announcement, cx)?;
        Ok(None)
    }
}
