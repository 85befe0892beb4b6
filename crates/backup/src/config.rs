//! The settings that go with a database, so that a dead machine can be rebuilt from a backup alone.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use db::checksums::CONFIG_DIR;
use fs_extra::error::ErrorKind;
use fs_extra::file::{CopyOptions, copy_with_progress};
use kit::settings::Settings;
use kit::{Attempt, Exit, Failure, files};

/// Copies the settings file, APP_ENV_FILE and what else was asked for into `config/` of a set: each 0600, because the file is made so before
/// anything is written into it, and on disk. Returns the copies, each with the path of its original.
pub(crate) fn copy(settings: &Settings, include: &[PathBuf], set: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let dir = set.join(CONFIG_DIR);
    files::make_private_dir(&dir)?;
    let mut copied = BTreeMap::new();
    let app = settings.get("APP_ENV_FILE").map(PathBuf::from);
    let own = [("deploy.env", settings.file()), ("app.env", app)];
    let own = own.into_iter().filter_map(|(name, path)| Some((name.to_owned(), path?)));
    for (name, original) in own.chain(include.iter().map(|path| (name_of(path), path.clone()))) {
        let key = format!("{CONFIG_DIR}/{name}");
        let why = match () {
            () if name.is_empty() || !original.is_absolute() => "it is no absolute path of a file",
            () if name.contains(|c: char| c == '\\' || c.is_control()) => "its name holds what no list of files can",
            () if copied.contains_key(&key) => "another file in config/ has that name",
            () => "",
        };
        if !why.is_empty() {
            let message = format!("cannot include {}: {why}", original.display());
            return Err(Failure::new(Exit::SETTINGS, message).hint("correct --include, or BACKUP_INCLUDE"));
        }
        copy_file(&original, &dir.join(&name))?;
        copied.insert(key, original.display().to_string());
    }
    files::sync_dir(&dir).attempt(format_args!("flush {}", dir.display()))?;
    Ok(copied)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
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
                .hint("correct APP_ENV_FILE, BACKUP_INCLUDE, or the name of the environment file")
        }
        _ => Failure::new(Exit::IO, format!("cannot {doing}: {error}")),
    })?;
    File::open(to).and_then(|file| file.sync_all()).attempt(&doing)
}
