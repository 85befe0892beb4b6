//! Which database is meant: `DATABASE_URL`.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use kit::settings::Settings;
use kit::{Exit, Failure};

use crate::address::Address;
use crate::engine::Engine;

/// What `DB_ENGINE` may be, and `DATABASE_URL` may begin with.
const SCHEMES: [(&str, &str); 5] = [
    ("sqlite", "sqlite"),
    ("postgres", "postgres"),
    ("postgresql", "postgres"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
];

/// Which database. Its text form never shows a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Url {
    /// A SQLite database: the absolute path of its file.
    Sqlite(PathBuf),
    /// One on a PostgreSQL server.
    Postgres(Address),
    /// One on a MySQL or MariaDB server.
    Mysql(Address),
}

impl Url {
    /// The database that `DATABASE_URL` (or the file that `DATABASE_URL_FILE` names) means, else the one that `DB_NAME` and
    /// its kin mean; `None` when neither is set, 78 when it is not understood.
    pub fn find(settings: &Settings) -> Result<Option<Self>, Failure> {
        let url = match settings.secret("DATABASE_URL")? {
            Some(text) => Some(Self::parse(&text)?),
            None => Self::of_parts(settings)?,
        };
        Ok(url.map(|url| url.with_passfile(settings)))
    }

    /// `PGPASSFILE` says where PostgreSQL's passwords are, unless the URL does; without either it is `~/.pgpass`.
    fn with_passfile(mut self, settings: &Settings) -> Self {
        if let (Self::Postgres(address), Some(file)) = (&mut self, settings.get("PGPASSFILE")) {
            address.parameters.entry("passfile".to_owned()).or_insert(file);
        }
        self
    }

    /// The same, 78 when it is not set.
    pub fn require(settings: &Settings) -> Result<Self, Failure> {
        if let Some(url) = Self::find(settings)? {
            return Ok(url);
        }
        settings.require("DATABASE_URL").and_then(|text| Self::parse(&text))
    }

    /// Understands `sqlite:///absolute/path`, `postgres://…` and `mysql://…`. Whatever else is 78, and the failure repeats no
    /// part of the text that could hold a password.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let Some((scheme, rest)) = text.trim().split_once("://") else {
            return Err(wrong("it has no `://`"));
        };
        let scheme = SCHEMES.iter().find(|(name, _)| *name == scheme).map(|(_, scheme)| *scheme);
        match scheme {
            Some("sqlite") => Self::of_file(rest),
            Some(scheme) => Address::parse(scheme, rest).map(Self::of_address).map_err(|why| wrong(&why)),
            None => Err(wrong("its scheme is not known")),
        }
    }

    /// The database of `DB_ENGINE`, `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER` and `DB_PASSWORD`.
    fn of_parts(settings: &Settings) -> Result<Option<Self>, Failure> {
        let Some(database) = settings.get("DB_NAME").filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let unclear = |what: &str| Failure::new(Exit::SETTINGS, format!("cannot understand the DB_ settings: {what}"));
        let port = settings.get("DB_PORT").map(|port| port.parse::<u16>().map_err(|_| unclear("DB_PORT is no port")));
        let port = port.transpose()?;
        let scheme = match (settings.get("DB_ENGINE"), port) {
            (Some(name), _) => SCHEMES.iter().find(|(known, _)| *known == name).map(|(_, scheme)| *scheme),
            (None, Some(5432)) => Some("postgres"),
            (None, Some(3306)) => Some("mysql"),
            (None, _) => None,
        };
        let scheme = scheme.filter(|scheme| *scheme != "sqlite").ok_or_else(|| {
            unclear("the engine is not known").hint("set DB_ENGINE to postgres or mysql, or DATABASE_URL instead")
        })?;
        let address = Address {
            scheme,
            host: settings.get("DB_HOST"),
            port,
            user: settings.get("DB_USER"),
            password: settings.secret("DB_PASSWORD")?,
            database,
            parameters: std::collections::BTreeMap::new(),
        };
        Ok(Some(Self::of_address(address)))
    }

    fn of_address(address: Address) -> Self {
        if address.scheme == "mysql" { Self::Mysql(address) } else { Self::Postgres(address) }
    }

    /// Its engine.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
            Self::Mysql(_) => Engine::Mysql,
        }
    }

    /// What a manifest calls it: the same for everybody who asks for the same database, whoever they are.
    #[must_use]
    pub fn identity(&self) -> String {
        match self {
            Self::Sqlite(path) => path.display().to_string(),
            Self::Postgres(address) | Self::Mysql(address) => address.to_string(),
        }
    }

    /// The file of a SQLite database: 78 for a database on a server, where that cannot be used.
    pub fn require_file(&self) -> Result<&Path, Failure> {
        self.path().ok_or_else(|| {
            let message = format!("{self} is a database on a server; this works on SQLite databases only for now");
            Failure::new(Exit::SETTINGS, message).hint("use sqlite:///absolute/path/of/the/file")
        })
    }

    /// The file of a SQLite database.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) | Self::Mysql(_) => None,
        }
    }

    fn of_file(rest: &str) -> Result<Self, Failure> {
        if !rest.starts_with('/') {
            return Err(wrong("the path of the file is not absolute"));
        }
        let path = format!("/{}", rest.trim_start_matches('/'));
        if path == "/" {
            return Err(wrong("there is no path in it"));
        }
        if path == "/:memory:" {
            return Err(wrong("a database in memory is gone when its program ends"));
        }
        if path.ends_with('/') {
            return Err(wrong("the path is that of a directory"));
        }
        // Programs disagree on whether `%20` is a space and `?mode=ro` an option: one reading only, or none.
        if let Some(odd) = path.chars().find(|c| matches!(c, '?' | '%') || c.is_control()) {
            return Err(wrong(&format!("the path holds {odd:?}, which programs read differently")));
        }
        Ok(Self::Sqlite(path.into()))
    }
}

impl Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(address) | Self::Mysql(address) => write!(f, "{address}"),
        }
    }
}

fn wrong(why: &str) -> Failure {
    Failure::new(Exit::SETTINGS, format!("cannot understand DATABASE_URL: {why}")).hint(
        "supported: sqlite:///absolute/path/of/the/file, postgres://USER:PASSWORD@HOST:PORT/NAME, \
         mysql://USER:PASSWORD@HOST:PORT/NAME",
    )
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn a_sqlite_url_names_an_absolute_path() {
        for text in ["sqlite:///srv/app/db.sqlite", "sqlite:////srv/app/db.sqlite", " sqlite:///srv/app/db.sqlite "] {
            let url = Url::parse(text).unwrap();
            assert_eq!(url.to_string(), "sqlite:///srv/app/db.sqlite");
        }
        let odd = Url::parse("sqlite:///srv/my app/dätä#1.db").unwrap();
        assert_eq!(odd.path().unwrap().to_str(), Some("/srv/my app/dätä#1.db"));
    }

    #[test]
    fn whatever_else_is_refused_and_no_password_is_repeated() {
        for text in [
            "sqlite://",
            "sqlite:///",
            "sqlite://db.sqlite",
            "sqlite://s3cret/db.sqlite",
            "sqlite:db.sqlite",
            "sqlite:///:memory:",
            "sqlite://:memory:",
            "sqlite:///srv/dir/",
            "sqlite:///srv/db?key=s3cret",
            "sqlite:///srv/d%62",
            "/srv/db.sqlite",
            "postgres://app:s3cret@db",
            "postgresql://app:s3cret@db:x/app",
            "mysql://app:s3cret@/",
            "mariadb://app:s3cret%@db/app",
            "s3cret://x",
            "s3cret",
            "Sqlite:///srv/db",
        ] {
            let failure = Url::parse(text).unwrap_err();
            assert_eq!(failure.exit.code(), 78, "{text}");
            let said = format!("{failure:?}");
            assert!(said.contains("sqlite:///") && !said.contains("s3cret"), "{said}");
        }
    }
}
