//! The fire drill: a backup is restored into a copy that nobody uses, compared, timed, and thrown away.

use std::path::Path;
use std::time::{Duration, Instant};

use db::{Deadline, Grade, Set, Store, Url, grade};
use kit::{Context, Exit, Failure, Outcome, clock};

use crate::args::Args;
use crate::source::{Source, contents};
use crate::sqlite::{Target, Unpacked};
use crate::{mysql, postgres, server};

/// 1 when the backup would not restore; whatever keeps us from finding out has its own code.
pub(crate) fn drill(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.records("drill")?;
    let url = Url::require(&cx.settings)?;
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let path = args.choice.set(&store, &url, &cx.settings)?;
    cx.detail("backup", path.display().to_string());
    let rehearsed = rehearse(&path, &url, args, &store, cx);
    let (set, milliseconds) = rehearsed.map_err(|failure| verdict(&path, failure, cx))?;
    cx.detail("took_ms", milliseconds);
    let seconds = Duration::from_millis(milliseconds).as_secs_f64();
    if let Err(failure) = grade::give(set.path(), set.manifest(), Grade::Restored { seconds }) {
        cx.warn(&format!("the grade of the backup is not up to date: {}", failure.message));
    }
    let manifest = set.manifest();
    Ok(Outcome::done(format!(
        "{} restores: {}, in {}",
        set.path().display(),
        contents(manifest.raw.size, &manifest.tables),
        clock::spell(milliseconds)
    )))
}

/// Restores it beside the live database, in the way of its engine: the set, and how many milliseconds that took.
fn rehearse(path: &Path, url: &Url, args: &Args, store: &Store, cx: &Context) -> Result<(Set, u64), Failure> {
    let deadline = Deadline::after(args.timeout);
    let set = Set::open(path, &deadline)?;
    let source = Source::Set(Box::new(set.clone()));
    let took = match url {
        Url::Sqlite(_) => {
            let target = Target::find(url, &source, args.choice.into_other)?;
            let began = Instant::now();
            Unpacked::beside(target.path(), &source, &deadline, cx)?;
            clock::milliseconds(began.elapsed())
        }
        Url::Postgres(address) => {
            server::guard(&source, url, &args.choice)?;
            postgres::Target::connect(address, &deadline, cx)?.rehearse(&source, store, &deadline, cx)?
        }
        Url::Mysql(address) => {
            server::guard(&source, url, &args.choice)?;
            // A restore would take what this one makes for what a killed one has left.
            let _lock = cx.lock(&cx.root()?)?;
            mysql::Target::connect(address, &deadline, cx)?.rehearse(&source, &deadline, cx)?
        }
    };
    Ok((set, took))
}

/// Damage is an answer; it takes away the grade that the backup had.
fn verdict(path: &Path, failure: Failure, cx: &Context) -> Failure {
    if failure.exit != Exit::DAMAGED {
        return failure;
    }
    if let Err(failure) = grade::revoke(path) {
        cx.warn(&format!("the grade of the backup is not up to date: {}", failure.message));
    }
    Failure { exit: Exit::NO, ..failure }
}
