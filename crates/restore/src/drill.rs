//! The fire drill: a backup is restored into a copy that nobody uses, compared, timed, and thrown away.

use std::path::Path;
use std::time::Instant;

use db::{Deadline, Grade, Set, Store, Url, grade};
use kit::quantity::size;
use kit::{Context, Exit, Failure, Outcome, clock};

use crate::args::Args;
use crate::source::Source;
use crate::target::Target;
use crate::unpacked::Unpacked;

/// 1 when the backup would not restore; whatever keeps us from finding out has its own code.
pub(crate) fn drill(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.records("drill")?;
    let url = Url::require(&cx.settings)?;
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let deadline = Deadline::after(args.timeout);
    let path = args.choice.set(&store, &url)?;
    cx.detail("backup", path.display().to_string());
    let began = Instant::now();
    let set =
        rehearse(&path, &url, args.choice.into_other, &deadline).map_err(|failure| verdict(&path, failure, cx))?;
    let took = began.elapsed();
    let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    cx.detail("took_ms", milliseconds);
    if let Err(failure) = grade::give(set.path(), set.manifest(), Grade::Restored { seconds: took.as_secs_f64() }) {
        cx.warn(&format!("the grade of the backup is not up to date: {}", failure.message));
    }
    let manifest = set.manifest();
    Ok(Outcome::done(format!(
        "{} restores: {}, {} tables, {} rows, in {}",
        set.path().display(),
        size(manifest.raw.size),
        manifest.tables.len(),
        manifest.rows(),
        clock::spell(milliseconds)
    )))
}

fn rehearse(path: &Path, url: &Url, into_other: bool, deadline: &Deadline) -> Result<Set, Failure> {
    let set = Set::open(path, deadline)?;
    let source = Source::Set(Box::new(set.clone()));
    let target = Target::find(url, &source, into_other)?;
    Unpacked::beside(target.path(), &source, deadline)?;
    Ok(set)
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
