//! `DEPLOY_ROOT`: one environment on disk, and the names in it.

use std::fmt::{self, Display};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;
use crate::settings::Settings;
use crate::voice;

/// The directory of one environment. It exists, and it belongs to the user who runs this tool.
#[derive(Clone, Debug)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// Opens `DEPLOY_ROOT`: 78 when it is not set or not absolute, 66 when it is not there, 77 when it belongs to
    /// somebody else. One user owns an environment; root is no exception, or its files would lock that user out.
    pub fn open(settings: &Settings) -> Result<Self, Failure> {
        let path = PathBuf::from(settings.require("DEPLOY_ROOT")?);
        if !path.is_absolute() {
            let message = format!("DEPLOY_ROOT is {}, which is not an absolute path", path.display());
            return Err(Failure::new(Exit::SETTINGS, message));
        }
        let metadata = fs::metadata(&path).map_err(|error| {
            let doing = format!("open DEPLOY_ROOT {}", path.display());
            match error.kind() {
                io::ErrorKind::NotFound => Failure::new(Exit::ABSENT, format!("cannot {doing}: it is not there"))
                    .hint(format!("make it as the user who deploys: mkdir -p {}", voice::word(path.display()))),
                _ => Failure::io(doing, &error),
            }
        })?;
        let owner = metadata.uid();
        if owner != rustix::process::geteuid().as_raw() {
            let message = format!("{} belongs to user {owner}, who alone works in it", path.display());
            return Err(Failure::new(Exit::NOT_PERMITTED, message).hint(format!("sudo -u '#{owner}' …")));
        }
        Ok(Self { path })
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where every release has its directory.
    #[must_use]
    pub fn releases(&self) -> PathBuf {
        self.path.join("releases")
    }

    /// The directory of one release.
    #[must_use]
    pub fn release(&self, name: &ReleaseName) -> PathBuf {
        self.releases().join(name.to_string())
    }

    /// The symbolic link to what is live.
    #[must_use]
    pub fn current(&self) -> PathBuf {
        self.path.join("current")
    }

    /// Data that outlives releases.
    #[must_use]
    pub fn shared(&self) -> PathBuf {
        self.path.join("shared")
    }

    /// The default `BACKUP_DIR`.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.path.join("backups")
    }

    /// The default journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.ndjson")
    }

    /// Logs of deployments, steps and the app.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Lock and queue.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// The notes of what tools of this environment have at work.
    #[must_use]
    pub(crate) fn commands(&self) -> PathBuf {
        self.state().join("commands")
    }

    /// The release that `current` names; none when there is no `current`. A `current` that is no link to a release is
    /// 78: a person made it, and a person must say what it is.
    pub fn live(&self) -> Result<Option<ReleaseName>, Failure> {
        let link = self.current();
        let target = match fs::read_link(&link) {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                let message = format!("{} is not a symbolic link", link.display());
                return Err(
                    Failure::new(Exit::SETTINGS, message).hint("move it away; `release activate` makes the link")
                );
            }
            Err(error) => return Err(Failure::io(format_args!("read {}", link.display()), &error)),
        };
        let ours = target.parent() == Some(Path::new("releases")) || target.parent() == Some(&self.releases());
        let name = target.file_name().and_then(|name| name.to_str()).filter(|_| ours);
        name.and_then(|name| name.parse().ok()).map(Some).ok_or_else(|| {
            let message = format!("{} points at {}, which is no release", link.display(), target.display());
            Failure::new(Exit::SETTINGS, message).hint("remove the link, then activate a release")
        })
    }

    /// The releases on disk, by number, oldest first. Other names are nobody's business here.
    pub fn staged(&self) -> Result<Vec<ReleaseName>, Failure> {
        let paths = match files::list(&self.releases()) {
            Ok(paths) => paths,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(format_args!("list {}", self.releases().display()), &error)),
        };
        let mut names: Vec<ReleaseName> = Vec::new();
        for path in paths {
            let name = path.file_name().and_then(|name| name.to_str());
            names.extend(name.and_then(|name| name.parse::<ReleaseName>().ok()));
        }
        names.sort();
        Ok(names)
    }

    /// The release that a deployment staged: 66 when there is none.
    pub fn staged_by(&self, deploy: &DeployId) -> Result<ReleaseName, Failure> {
        let found = self.staged()?.into_iter().find(|name| name.number() == deploy.number());
        found.ok_or_else(|| {
            Failure::new(Exit::ABSENT, format!("{deploy} has no staged release in {}", self.releases().display()))
        })
    }

    /// The full commit that a release was made from, as its `REVISION` tells: 66 when the release is gone, 65 when
    /// the file does not hold a commit.
    pub fn revision(&self, name: &ReleaseName) -> Result<String, Failure> {
        let path = self.release(name).join("REVISION");
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Failure::new(Exit::ABSENT, format!("there is no release {name} in {}", self.releases().display()))
            }
            _ => Failure::io(format_args!("read {}", path.display()), &error),
        })?;
        let commit = text.trim();
        if is_commit(commit) {
            Ok(commit.to_owned())
        } else {
            Err(Failure::new(Exit::DAMAGED, format!("{} does not hold a commit", path.display())))
        }
    }
}

/// Whether the text is a full object name: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A commit as a person names it, whole or its first digits: 7 to 64 of them, lower case. Else the sentence why not.
pub fn commit_digits(text: &str) -> Result<String, String> {
    let commit = text.to_ascii_lowercase();
    if (7..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(commit)
    } else {
        Err("a commit is 7 to 64 hexadecimal digits".to_owned())
    }
}

/// The name of a release's directory: the number of its deployment and the first digits of its commit, `42-3f2a1c9`.
/// Releases order by number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseName {
    number: u64,
    commit: String,
}

impl ReleaseName {
    /// The release of a deployment's commit.
    #[must_use]
    pub fn new(number: u64, commit: &str) -> Self {
        Self { number, commit: commit.chars().take(7).collect() }
    }

    /// The number of its deployment.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

impl Display for ReleaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.commit)
    }
}

impl FromStr for ReleaseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not the name of a release, such as 42-3f2a1c9");
        let (number, commit) = text.split_once('-').ok_or_else(wrong)?;
        let hex = commit.len() == 7 && commit.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        let name = Self { number: number.parse().map_err(|_| wrong())?, commit: commit.to_owned() };
        // Written back it must be the same, so that `042-…` and `+42-…` do not name 42.
        if hex && name.to_string() == text { Ok(name) } else { Err(wrong()) }
    }
}

/// The name of a deployment: its environment and its number, `prod-42`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeployId {
    environment: String,
    number: u64,
}

impl DeployId {
    /// The deployment with this number.
    #[must_use]
    pub fn new(environment: &str, number: u64) -> Self {
        Self { environment: environment.to_owned(), number }
    }

    /// Its number, which its release has too.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }
}

impl Display for DeployId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.environment, self.number)
    }
}

impl FromStr for DeployId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a deployment, such as prod-42");
        let (environment, number) = text.rsplit_once('-').ok_or_else(wrong)?;
        let id = Self { environment: environment.to_owned(), number: number.parse().map_err(|_| wrong())? };
        if is_environment(environment) && id.to_string() == text { Ok(id) } else { Err(wrong()) }
    }
}

/// Whether a `DEPLOY_ENV` can stand in a deployment's name, a ref and a file name: letters, digits, `-` and `_`, and
/// a letter or digit first.
#[must_use]
pub fn is_environment(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use super::{DeployId, ReleaseName, is_environment};

    #[test]
    fn releases_order_by_number_not_by_text() {
        let mut names: Vec<ReleaseName> = ["10-aaaaaaa", "9-bbbbbbb"].map(|name| name.parse().unwrap()).to_vec();
        names.sort();
        assert_eq!(names[0].to_string(), "9-bbbbbbb");
    }

    #[test]
    fn only_our_own_names_are_releases() {
        for wrong in [
            "",
            "42",
            "042-3f2a1c9",
            "+42-3f2a1c9",
            "42-3F2A1C9",
            "42-3f2a1c",
            ".42-3f2a1c9",
            "42-3f2a1c9.old",
            "-1-3f2a1c9",
        ] {
            assert!(wrong.parse::<ReleaseName>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_deployment_splits_at_its_last_dash() {
        let id: DeployId = "blue-prod-7".parse().unwrap();
        assert_eq!((id.number(), id.to_string()), (7, "blue-prod-7".to_owned()));
        for wrong in ["7", "-7", "prod-", "prod-07", "../x-7", "prod-7\n"] {
            assert!(wrong.parse::<DeployId>().is_err(), "{wrong:?}");
        }
        assert!(!is_environment("--upload-pack"));
    }
}
