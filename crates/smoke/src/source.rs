//! Where the checks come from, and which release they are about.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use kit::failure::Attempt;
use kit::root::{ReleaseName, Root};
use kit::{Context, Exit, Failure, files, voice};

use crate::args::Args;
use crate::check::{self, Check, Defaults};
use crate::http::reference::without_query;
use crate::lines;

/// No checks file is longer.
const LIMIT: u64 = 1 << 20;

/// The release that is checked.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) name: ReleaseName,
    pub(crate) dir: PathBuf,
    pub(crate) commit: String,
}

/// Where the checks stand.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Url(String),
    Stdin,
    File(PathBuf),
    /// The setting is empty.
    Nothing,
}

impl Source {
    /// What the command line and the settings name. A relative path in a setting is one in the release.
    pub(crate) fn find(args: &Args, cx: &Context) -> Result<Self, Failure> {
        let Some(setting) = &args.setting else {
            return match args.checks.as_deref().unwrap_or_default() {
                "" => Err(Failure::new(Exit::USAGE, "the name of the checks file is empty")),
                "-" if cx.deploy()?.is_some() => {
                    let message = "stdin holds the lock in a deployment, not a checks file";
                    Err(Failure::new(Exit::USAGE, message))
                }
                "-" => Ok(Self::Stdin),
                named => Ok(Self::named(named)),
            };
        };
        Ok(match cx.settings.get(setting) {
            Some(named) => Self::named(&named),
            None if setting == "SMOKE_CHECKS" => cx.settings.get("API_URL").map_or(Self::Nothing, Self::Url),
            None => Self::Nothing,
        })
    }

    fn named(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            Self::Url(text.to_owned())
        } else {
            Self::File(text.into())
        }
    }

    /// Reads the checks. `release` is where a relative path of a setting leads.
    pub(crate) fn read(
        &self,
        args: &Args,
        release: Option<&Release>,
        defaults: &Defaults<'_>,
    ) -> Result<Vec<Check>, Failure> {
        let text = match self {
            Self::Nothing => return Ok(Vec::new()),
            Self::Url(url) => return check::of_url(url, args.expect_commit.is_some(), defaults),
            Self::Stdin => read_text(io::stdin().lock(), "the checks on stdin")?,
            Self::File(path) => {
                let path = match (&args.setting, release) {
                    (Some(_), Some(release)) => release.dir.join(path),
                    (Some(setting), None) if path.is_relative() => {
                        let message = format!("{setting} is a path in a release, and no release is live");
                        return Err(Failure::new(Exit::ABSENT, message).hint("deploy one, or name the file itself"));
                    }
                    _ => path.clone(),
                };
                return read_file(&path, args, defaults);
            }
        };
        let checks = if lines::are_lines(&text) {
            lines::parse(&text, defaults)
        } else {
            check::parse(&text, defaults).map_err(|failure| lines::hint(&text, failure))
        };
        checks.map_err(|failure| within("the checks on stdin", failure))
    }

    /// What the checks are called.
    pub(crate) fn spell(&self) -> String {
        match self {
            Self::Url(url) => {
                let shown = without_query(url);
                // A user and password are refused later; until then they are not shown either.
                match (shown.split_once("://"), shown.rsplit_once('@')) {
                    (Some((scheme, _)), Some((_, rest))) => voice::clean_line(&format!("{scheme}://{rest}")),
                    _ => voice::clean_line(shown),
                }
            }
            Self::Stdin => "-".to_owned(),
            Self::File(path) => voice::clean_line(&path.to_string_lossy()),
            Self::Nothing => String::new(),
        }
    }
}

fn read_file(path: &Path, args: &Args, defaults: &Defaults<'_>) -> Result<Vec<Check>, Failure> {
    let name = voice::clean_line(&path.to_string_lossy());
    // What a person names by hand may come through a pipe that has a name; what a setting names must not be waited for.
    let opened = if args.setting.is_some() { files::open(path) } else { File::open(path) };
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            let missing = Failure::new(Exit::ABSENT, format!("there is no checks file {name}"));
            match &args.setting {
                Some(setting) => missing.hint(format!("{setting} names it; add it to the commit, or change {setting}")),
                None => missing,
            }
        }
        _ => Failure::io(format_args!("read {name}"), &error),
    })?;
    if args.setting.is_some() && !file.metadata().attempt(format_args!("read {name}"))?.is_file() {
        return Err(Failure::io(format_args!("read {name}"), &files::irregular()));
    }
    let text = read_text(file, &name)?;
    check::parse(&text, defaults).map_err(|failure| within(&name, failure))
}

fn read_text(source: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    source.take(LIMIT + 1).read_to_end(&mut bytes).attempt(format_args!("read {name}"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LIMIT) {
        return Err(Failure::new(Exit::SETTINGS, format!("{name}: it is longer than 1 MiB")));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(Exit::SETTINGS, format!("{name}: it is not UTF-8 text")))
}

fn within(name: &str, failure: Failure) -> Failure {
    Failure { message: format!("{name}: {}", failure.message), ..failure }
}

impl Release {
    /// The release that is named, else the one that the deployment staged, else (for checks that a setting names) the
    /// live one; `None` by hand.
    pub(crate) fn find(args: &Args, cx: &mut Context) -> Result<Option<Self>, Failure> {
        let deploy = cx.deploy()?;
        if args.release.is_none() && deploy.is_none() && args.setting.is_none() {
            return Ok(None);
        }
        let root = cx.root()?;
        let name = match (&args.release, deploy) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(deploy)) => Some(root.staged_by(&deploy)?),
            (None, None) => root.live()?,
        };
        let release = name.map(|name| Self::of(&root, name)).transpose()?;
        if let Some(release) = &release {
            cx.concerns(&release.name, Some(&release.commit));
        }
        Ok(release)
    }

    fn of(root: &Root, name: ReleaseName) -> Result<Self, Failure> {
        Ok(Self { dir: root.release(&name), commit: root.revision(&name)?, name })
    }
}
