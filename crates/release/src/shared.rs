//! `SHARED_PATHS`: data that outlives releases lies in `shared/` and is linked into each release when it goes live.

use std::fs;
use std::path::{Component, Path, PathBuf};

use kit::settings::Settings;
use kit::{Exit, Failure, files};

/// The paths, as the settings list them.
pub(crate) struct SharedPaths(Vec<SharedPath>);

struct SharedPath {
    relative: PathBuf,
    is_dir: bool,
}

impl SharedPaths {
    /// Reads `SHARED_PATHS`: space-separated relative paths, a trailing `/` for a directory; anything else is 78.
    pub(crate) fn plan(settings: &Settings) -> Result<Self, Failure> {
        let list = settings.get("SHARED_PATHS").unwrap_or_default();
        let paths = list.split_whitespace().map(|text| {
            let relative = PathBuf::from(text);
            let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
            if !plain || relative.as_os_str().is_empty() {
                let message = format!("SHARED_PATHS holds {text:?}, which is not a plain relative path");
                return Err(Failure::new(Exit::SETTINGS, message).hint("such as: data/ config/secrets.json"));
            }
            let is_dir = text.ends_with('/');
            // Without the trailing slash, which would make a link to it its target.
            let relative = relative.components().collect();
            Ok(SharedPath { relative, is_dir })
        });
        Ok(Self(paths.collect::<Result<_, _>>()?))
    }

    /// A path that the commit tracks cannot be shared: the release's file would hide the data, or the other way round.
    pub(crate) fn refuse_tracked(&self, release: &Path) -> Result<(), Failure> {
        for path in &self.0 {
            if let Some(there) = path.obstacle(release) {
                let message = format!(
                    "SHARED_PATHS holds {}, but the release has its own {}",
                    path.relative.display(),
                    there.display()
                );
                return Err(
                    Failure::new(Exit::SETTINGS, message).hint("remove it from the repository, or from SHARED_PATHS")
                );
            }
        }
        Ok(())
    }

    /// A shared file must be there before a release is linked to it; a shared directory is made.
    pub(crate) fn refuse_missing(&self, shared: &Path) -> Result<(), Failure> {
        for path in self.0.iter().filter(|path| !path.is_dir) {
            let data = shared.join(&path.relative);
            if !data.exists() {
                let message =
                    format!("SHARED_PATHS holds {}, but there is no {}", path.relative.display(), data.display());
                return Err(Failure::new(Exit::SETTINGS, message)
                    .hint("put the file there, or end the path with `/` for a directory"));
            }
        }
        Ok(())
    }

    /// Links every path into the release, and makes missing shared directories. Doing it twice changes nothing.
    pub(crate) fn link(&self, release: &Path, shared: &Path) -> Result<(), Failure> {
        self.refuse_tracked(release)?;
        self.refuse_missing(shared)?;
        for path in &self.0 {
            if path.is_dir {
                files::make_private_dir(&shared.join(&path.relative))?;
            }
            let link = release.join(&path.relative);
            if let Some(parent) = link.parent() {
                files::make_dir(parent)?;
            }
            if !path.is_linked(release) {
                files::point(&link, &path.target())?;
            }
        }
        Ok(())
    }
}

impl SharedPath {
    /// What a link in the release points at: relative, so that the whole environment can be moved.
    fn target(&self) -> PathBuf {
        // Out of the path's own directories, the release, and `releases`.
        let up = "../".repeat(self.relative.components().count() + 1);
        Path::new(&up).join("shared").join(&self.relative)
    }

    fn is_linked(&self, release: &Path) -> bool {
        fs::read_link(release.join(&self.relative)).is_ok_and(|target| target == self.target())
    }

    /// What stands in the way of the link: the path itself, or a parent that is no real directory.
    fn obstacle(&self, release: &Path) -> Option<PathBuf> {
        if self.is_linked(release) {
            return None;
        }
        let mut path = PathBuf::new();
        for part in self.relative.components() {
            path.push(part);
            match release.join(&path).symlink_metadata() {
                Err(_) => return None,
                Ok(metadata) if metadata.is_dir() && path != self.relative => {}
                Ok(_) => return Some(path),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::SharedPath;
    use std::path::Path;

    #[test]
    fn a_link_climbs_out_of_its_release() {
        let target = |relative: &str| {
            let path = SharedPath { relative: relative.into(), is_dir: true };
            path.target()
        };
        assert_eq!(target("data"), Path::new("../../shared/data"));
        assert_eq!(target("var/lib/data"), Path::new("../../../../shared/var/lib/data"));
    }
}
