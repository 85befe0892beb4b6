//! The client programs: which of those on this host fit the server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::process::Program;
use kit::{Exit, Failure, files};

use crate::postgres::version::Version;

/// Where Debian and Ubuntu, and the packages of the PostgreSQL project for Red Hat and its kin, put each major version.
const HOMES: [&str; 2] = ["/usr/lib/postgresql", "/usr"];

/// No program takes longer to say its version.
const MOMENT: Duration = Duration::from_secs(30);

/// The client programs of one version.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    dir: PathBuf,
    pub(crate) version: Version,
}

impl Clients {
    /// Those of the server's own major version: 69 when there are none, with what to install.
    pub(crate) fn matching(server: Version) -> Result<Self, Failure> {
        let mut others = Vec::new();
        for dir in dirs() {
            match version_of(&dir.join("pg_dump")) {
                Some(version) if version.is_same_major(server) => return Ok(Self { dir, version }),
                Some(version) => others.push(version),
                None => {}
            }
        }
        Err(none_matching(server, &others))
    }

    /// One of them.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Any `psql`: each can ask any server for its version. What PATH finds comes last: on Debian that is a script which
/// chooses one of the others.
pub(crate) fn any_psql() -> Result<PathBuf, Failure> {
    dirs().into_iter().map(|dir| dir.join("psql")).find(|psql| psql.is_file()).ok_or_else(|| {
        Failure::new(Exit::UNAVAILABLE, "cannot run psql: it is not installed, or not on PATH")
            .hint("as root: apt-get install postgresql-client")
    })
}

/// The directories that may hold client programs.
fn dirs() -> Vec<PathBuf> {
    let mut found: Vec<(Version, PathBuf)> = HOMES.iter().flat_map(|home| versions_in(Path::new(home))).collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let on_path =
        which::which_all("pg_dump").into_iter().flatten().filter_map(|program| Some(program.parent()?.into()));
    let mut dirs: Vec<PathBuf> = found.into_iter().map(|(_, dir)| dir).chain(on_path).collect();
    dirs.dedup();
    dirs
}

/// `/usr/lib/postgresql/15/bin`, `/usr/pgsql-15/bin`.
fn versions_in(home: &Path) -> Vec<(Version, PathBuf)> {
    let of_version = |path: PathBuf| {
        let name = path.file_name()?.to_str()?;
        let version = if home.ends_with("postgresql") { Some(name) } else { name.strip_prefix("pgsql-") };
        Some((Version::find(version?)?, path.join("bin")))
    };
    files::list(home).unwrap_or_default().into_iter().filter_map(of_version).collect()
}

/// What a program says of itself; `None` when it is not there or does not say.
fn version_of(program: &Path) -> Option<Version> {
    let told = program.is_file().then(|| Program::at(program).arg("--version").deadline(MOMENT).run())?.ok()?;
    Version::find(&told.text()).filter(|_| told.status.is_success())
}

fn none_matching(server: Version, others: &[Version]) -> Failure {
    let major = server.major();
    let found = match others {
        [] => "none is installed".to_owned(),
        others => format!("found: {}", others.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    };
    let message =
        format!("the server is PostgreSQL {server}, and its dumps need client programs of version {major}: {found}");
    Failure::new(Exit::UNAVAILABLE, message).hint(format!("as root: apt-get install postgresql-client-{major}"))
}

#[cfg(test)]
mod tests {
    use super::{Version, none_matching};

    #[test]
    fn what_to_install_is_said() {
        let version = |text| Version::find(text).unwrap();
        let failure = none_matching(version("15.18"), &[version("17.2"), version("9.6.24")]);
        assert_eq!(failure.exit.code(), 69);
        assert!(failure.message.ends_with("client programs of version 15: found: 17.2, 9.6.24"), "{}", failure.message);
        assert_eq!(failure.hint.as_deref(), Some("as root: apt-get install postgresql-client-15"));
    }
}
