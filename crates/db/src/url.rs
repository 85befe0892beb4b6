//! Which database is meant: `DATABASE_URL`.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use kit::settings::Settings;
use kit::{Exit, Failure};

/// Where a database is. Its text form never shows a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    path: PathBuf,
}

impl Url {
    /// The database that `DATABASE_URL` (or the file that `DATABASE_URL_FILE` names) means; `None` when neither is
    /// set, 78 when it is not understood.
    pub fn find(settings: &Settings) -> Result<Option<Self>, Failure> {
        settings.secret("DATABASE_URL")?.map(|text| Self::parse(&text)).transpose()
    }

    /// The same, 78 when it is not set.
    pub fn require(settings: &Settings) -> Result<Self, Failure> {
        if let Some(url) = Self::find(settings)? {
            return Ok(url);
        }
        settings.require("DATABASE_URL").and_then(|text| Self::parse(&text))
    }

    /// Understands `sqlite:///absolute/path`. Whatever else is 78, and the failure repeats no part of the text that
    /// could hold a password.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let Some((scheme, rest)) = text.trim().split_once("://") else {
            return Err(wrong("it has no `://`"));
        };
        match scheme {
            "sqlite" => Self::of_file(rest),
            "postgres" | "postgresql" | "mysql" | "mariadb" => {
                Err(wrong(&format!("{scheme} databases are not supported yet")))
            }
            _ => Err(wrong("its scheme is not known")),
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
        Ok(Self { path: path.into() })
    }

    /// The database file, absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sqlite://{}", self.path.display())
    }
}

fn wrong(why: &str) -> Failure {
    Failure::new(Exit::SETTINGS, format!("cannot understand DATABASE_URL: {why}"))
        .hint("supported: sqlite:///absolute/path/of/the/file")
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
        assert_eq!(odd.path().to_str(), Some("/srv/my app/dätä#1.db"));
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
            "postgres://app:s3cret@db/app",
            "postgresql://app:s3cret@db/app",
            "mysql://app:s3cret@db/app",
            "mariadb://app:s3cret@db/app",
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
