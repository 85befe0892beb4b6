//! The settings that go with a database, so that a dead machine can be rebuilt from a backup alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use db::checksums::CONFIG_DIR;
use fs_extra::error::ErrorKind;
use fs_extra::file::{CopyOptions, copy_with_progress};
use kit::settings::Settings;
use kit::{Attempt, Exit, Failure, files};

/// Copies the settings file and APP_ENV_FILE into `config/` of a set: each 0600, because the file is made so before
/// anything is written into it, and on disk. Returns the copies, each with the path of its original.
pub(crate) fn copy(settings: &Settings, set: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let dir = set.join(CONFIG_DIR);
    files::make_private_dir(&dir)?;
    let mut copied = BTreeMap::new();
    let app = settings.get("APP_ENV_FILE").map(PathBuf::from);
    for (name, original) in [("deploy.env", settings.file()), ("app.env", app)] {
        if let Some(original) = original {
            copy_file(&original, &dir.join(name))?;
            copied.insert(format!("{CONFIG_DIR}/{name}"), original.display().to_string());
        }
    }
    files::sync_dir(&dir).attempt(format_args!("flush {}", dir.display()))?;
    Ok(copied)
}

fn copy_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let doing = format!("copy {} to {}", from.display(), to.display());
    drop(files::create(to).attempt(&doing)?);
    // `fs_extra::file::copy` would set the mode of the original, which others may be allowed to read.
    let options = CopyOptions::new().overwrite(true);
    copy_with_progress(from, to, &options, |_| {}).map_err(|error| match error.kind {
        ErrorKind::Io(error) => Failure::io(&doing, &error),
        ErrorKind::NotFound | ErrorKind::InvalidFile => {
            Failure::new(Exit::SETTINGS, format!("cannot {doing}: there is no such file"))
                .hint("correct APP_ENV_FILE, or the name of the environment file")
        }
        _ => Failure::new(Exit::IO, format!("cannot {doing}: {error}")),
    })?;
    File::open(to).and_then(|file| file.sync_all()).attempt(&doing)
}
