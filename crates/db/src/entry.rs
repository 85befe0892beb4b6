//! What lies in `BACKUP_DIR`, as far as that is seen without reading a database.

use std::cmp::Reverse;
use std::fs;
use std::path::{Path, PathBuf};

use kit::clock::{self, Time};
use kit::files;

use crate::engine::Format;
use crate::grade::{self, Mark};
use crate::manifest::Manifest;
use crate::set::read_manifest;
use crate::store::SAFETY_LABEL;

/// A set as its name and its manifest tell. Nothing of it has been verified.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The name of its directory.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// Whether the directory is where and as `backup-db` puts it: no link, and under a name that it gives.
    pub is_ours: bool,
    /// What it says about itself; `None` when that cannot be read.
    pub manifest: Option<Manifest>,
    /// Why it cannot be restored, as far as that is seen.
    pub damaged: Option<String>,
    /// What it has been shown to be worth, and whether a person has to look at it.
    pub mark: Mark,
}

impl Entry {
    /// Looks at an entry of the directory; `None` for what is no set. What is hidden is not complete. Under a name of
    /// our form a set is expected, and damaged when it has no manifest; any other name is somebody else's until a
    /// manifest of ours says otherwise.
    #[must_use]
    pub fn look(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().into_owned();
        let path = path.to_owned();
        let is_real = path.symlink_metadata().is_ok_and(|kind| kind.is_dir());
        if name.starts_with('.') || (!is_real && !path.is_dir()) {
            return None;
        }
        let has_our_form = moment(&name).is_some();
        let is_ours = has_our_form && is_real;
        match read_manifest(&path) {
            Ok(manifest) => {
                let damaged = lacks_database(&path, &manifest);
                let mark = grade::look(&path, &manifest);
                Some(Self { name, path, is_ours, manifest: Some(manifest), damaged, mark })
            }
            Err(failure) if has_our_form => {
                let damaged = Some(failure.message);
                Some(Self { name, path, is_ours, manifest: None, damaged, mark: Mark::default() })
            }
            Err(_) => None,
        }
    }

    /// Whether its manifest says that it is of this database.
    #[must_use]
    pub fn is_of(&self, database: &str) -> bool {
        self.manifest.as_ref().is_some_and(|manifest| manifest.database == database)
    }

    /// Whether it counts: nothing shows that it is damaged, and no person has to look at it first.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.manifest.is_some() && self.damaged.is_none() && self.mark.suspect.is_none()
    }

    /// Whether `restore-db` has made it of what it replaced.
    #[must_use]
    pub fn is_safety(&self) -> bool {
        self.manifest.as_ref().and_then(|manifest| manifest.label.as_deref()) == Some(SAFETY_LABEL)
    }

    /// When it was made: what its manifest says, else its name.
    #[must_use]
    pub fn made_at(&self) -> Option<Time> {
        let told = self.manifest.as_ref().map(|manifest| manifest.created_at);
        told.or_else(|| moment(&self.name).map(|(time, _)| time))
    }

    /// What is less for a newer set: by the time, and within the same moment by the number in the name.
    #[must_use]
    pub fn newest_first(&self) -> Reverse<(Option<Time>, u32, String)> {
        Reverse((self.made_at(), moment(&self.name).map_or(0, |(_, number)| number), self.name.clone()))
    }
}

/// The moment in a name that `backup-db` gives, and the number behind it: 1 in `2026-11-21T10-15-00Z`, 2 where `-2`
/// follows. `None` for any other name.
#[must_use]
pub fn moment(name: &str) -> Option<(Time, u32)> {
    if let Some(time) = clock::of_file_name(name) {
        return Some((time, 1));
    }
    let (name, number) = name.rsplit_once('-')?;
    let parsed: u32 = number.parse().ok().filter(|parsed| *parsed >= 2)?;
    let is_plain = parsed.to_string() == number;
    Some((clock::of_file_name(name).filter(|_| is_plain)?, parsed))
}

fn length(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len())
}

/// Why the compressed database cannot be what the manifest says, if its file shows that.
fn lacks_database(set: &Path, manifest: &Manifest) -> Option<String> {
    let name = &manifest.file;
    if manifest.format == Format::Directory {
        let files = files::list(&set.join(name)).unwrap_or_default();
        let found: u64 = files.iter().filter_map(|path| length(path)).sum();
        let why = || format!("{name} has {found} bytes in all, not {}", manifest.stored.size);
        return (found != manifest.stored.size).then(why);
    }
    match fs::symlink_metadata(set.join(name)) {
        Ok(file) if !file.is_file() => Some(format!("{name} is not a regular file")),
        Ok(file) if file.len() != manifest.stored.size => {
            Some(format!("{name} has {} bytes, not {}", file.len(), manifest.stored.size))
        }
        Ok(_) => None,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(format!("{name} is missing")),
        Err(error) => Some(kit::Failure::io(format_args!("look at {name}"), &error).message),
    }
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn the_names_that_backups_get_are_known_and_no_others() {
        let (time, number) = moment("2026-11-21T10-15-00Z").unwrap();
        assert_eq!(number, 1);
        assert_eq!(moment("2026-11-21T10-15-00Z-12"), Some((time, 12)));
        for other in [
            "2026-11-21T10-15-00Z-1",
            "2026-11-21T10-15-00Z-02",
            "2026-11-21T10-15-00Z-+2",
            "2026-11-21T10-15-00Z-",
            "2026-11-21T10-15-00Z-2-2",
            "2026-11-21T10-15-00Z.bak",
            "2026-11-21T10-15-61Z",
            "2026-11-31T10-15-00Z",
            "2026-11-21",
            "latest",
            "-2",
            "",
        ] {
            assert_eq!(moment(other), None, "{other:?}");
        }
    }
}
