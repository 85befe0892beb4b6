//! A person has looked at a suspect backup, and it may count.

use std::path::PathBuf;

use db::{Entry, Manifest, Store, Url, grade};
use kit::{Context, Exit, Failure, Outcome};

use crate::args::Args;

/// A backup that was named.
struct Named {
    name: String,
    path: PathBuf,
    manifest: Manifest,
    is_suspect: bool,
}

pub(crate) fn accept(args: &Args, cx: &mut Context) -> Result<Outcome, Failure> {
    cx.settings.get("DEPLOY_ROOT").map(|_| cx.root()).transpose()?;
    cx.records("accept")?;
    let url = Url::require(&cx.settings)?;
    let store = Store::at(args.backup_dir.as_deref(), &cx.settings)?;
    let named: Vec<Named> =
        args.backups.iter().map(|name| Named::find(name, &store, &url)).collect::<Result<_, _>>()?;
    let mut accepted = Vec::new();
    for backup in named {
        if backup.is_suspect {
            grade::accept(&backup.path, &backup.manifest)?;
            accepted.push(backup.name);
        } else {
            cx.say(&format!("{} is not suspect: nothing was to be done", backup.name));
        }
    }
    cx.detail("accepted", accepted.clone());
    Ok(Outcome::done(accepted.join("\n")))
}

impl Named {
    /// 65 for one that is damaged, as far as that is seen: to accept it would not make it count.
    fn find(name: &str, store: &Store, url: &Url) -> Result<Self, Failure> {
        let path = store.find(name, &url.identity())?;
        if !path.is_dir() {
            return Err(Failure::new(Exit::ABSENT, format!("there is no backup {}", path.display())));
        }
        let unfit = |why: &str| {
            Failure::new(Exit::DAMAGED, format!("cannot accept {}: {why}", path.display())).hint("accept another one")
        };
        let entry = Entry::look(&path).ok_or_else(|| unfit("it is no backup"))?;
        let is_suspect = entry.mark.suspect.is_some();
        match (entry.manifest, entry.damaged) {
            (Some(manifest), None) => Ok(Self { name: entry.name, path, manifest, is_suspect }),
            (_, why) => Err(unfit(&why.unwrap_or_default())),
        }
    }
}
