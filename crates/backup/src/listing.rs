//! What there is to restore, as the manifests tell.

use db::{Entry, Store, Url};
use kit::clock::{self, Time};
use kit::quantity::{age, size};
use kit::{Context, Failure, Outcome, voice};
use serde_json::{Value, json};

use crate::args::Args;
use crate::owner::Owner;

/// A table as lines of cells.
type Rows = Vec<Vec<String>>;

/// The columns from here up to the other are numbers, and stand to the right.
const NUMBERS: std::ops::Range<usize> = 1..5;

pub(crate) fn list(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let owner = Url::find(&cx.settings)?.map(|url| Owner::of(url.identity(), &cx.settings));
    // One that cannot be read might be anybody's.
    let is_own = |entry: &Entry| entry.manifest.is_none() || owner.as_ref().is_some_and(|owner| owner.owns(entry));
    let (own, others): (Vec<Entry>, Vec<Entry>) =
        store.entries()?.into_iter().partition(|entry| args.all || is_own(entry));
    cx.detail("backups", own.iter().map(to_json).collect::<Vec<_>>());
    cx.detail("others", others.len());
    if own.is_empty() {
        let of = owner.map(|owner| format!(" of {}", owner.database)).unwrap_or_default();
        cx.say(&format!("there is no backup{of} in {}", store.dir().display()));
    }
    if !others.is_empty() {
        let sets = if others.len() == 1 { "1 backup is".to_owned() } else { format!("{} backups are", others.len()) };
        cx.say(&format!("{sets} of another database or environment: --all shows them"));
    }
    Ok(Outcome::done(table(&own, args.all)))
}

fn to_json(entry: &Entry) -> Value {
    let manifest = entry.manifest.as_ref();
    json!({
        "name": entry.name,
        "path": entry.path.display().to_string(),
        "created_at": manifest.map(|it| clock::rfc3339(it.created_at)),
        "database": manifest.map(|it| &it.database),
        "env": manifest.and_then(|it| it.env.as_ref()),
        "deploy": manifest.and_then(|it| it.deploy.as_ref()),
        "commit": manifest.and_then(|it| it.commit.as_ref()),
        "release": manifest.and_then(|it| it.release.as_ref()),
        "engine": manifest.map(|it| it.engine.to_string()),
        "format": manifest.map(|it| it.format.to_string()),
        "compression": manifest.map(|it| it.compression.to_string()),
        "label": manifest.and_then(|it| it.label.as_ref()),
        "raw_size": manifest.map(|it| it.raw.size),
        "stored_size": manifest.map(|it| it.stored.size),
        "rows": manifest.map(db::Manifest::rows),
        "damaged": entry.damaged,
        "suspect": entry.mark.suspect,
        "grade": manifest.map(|_| entry.mark.grade.word()),
        "graded_at": entry.mark.at.map(clock::rfc3339),
    })
}

fn table(entries: &[Entry], all: bool) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let mut head = vec!["name", "age", "raw", "stored", "rows", "grade", "commit"];
    head.extend(if all { vec!["env", "database", "label"] } else { vec!["label"] });
    let now = clock::now();
    let mut rows: Rows = vec![head.into_iter().map(str::to_owned).collect()];
    rows.extend(entries.iter().map(|entry| row(entry, all, now)));
    align(&rows)
}

fn row(entry: &Entry, all: bool, now: Time) -> Vec<String> {
    let manifest = entry.manifest.as_ref();
    let text = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
    let number = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
    let commit = manifest.and_then(|it| it.commit.as_ref());
    let mut cells = vec![
        entry.name.clone(),
        number(entry.made_at().map(|then| age(then, now))),
        number(manifest.map(|it| size(it.raw.size))),
        number(manifest.map(|it| size(it.stored.size))),
        number(manifest.map(|it| it.rows().to_string())),
        worth(entry),
        text(commit).chars().take(7).collect(),
    ];
    if all {
        cells.push(text(manifest.and_then(|it| it.env.as_ref())));
        cells.push(text(manifest.map(|it| &it.database)));
    }
    let label = manifest.and_then(|it| it.label.clone()).unwrap_or_default();
    let suspect = entry.mark.suspect.as_ref().map(|why| format!("suspect: {why}"));
    let flaw = entry.damaged.as_ref().map(|why| format!("damaged: {why}")).or(suspect);
    cells.push(flaw.unwrap_or(label));
    cells.iter().map(|cell| voice::clean_line(cell)).collect()
}

/// Its grade, where it counts for something.
fn worth(entry: &Entry) -> String {
    let word = if entry.is_good() { entry.mark.grade.word() } else { "-" };
    word.to_owned()
}

/// Columns of equal width, two blanks between them.
fn align(rows: &Rows) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let length = |row: &Vec<String>, column: usize| row.get(column).map_or(0, |cell| cell.chars().count());
    let widths: Vec<usize> =
        (0..columns).map(|column| rows.iter().map(|row| length(row, column)).max().unwrap_or_default()).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if NUMBERS.contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
