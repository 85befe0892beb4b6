//! Which Redis server is meant, and as whom: `redis://USER:PASSWORD@HOST:PORT/DATABASE`.

use std::borrow::Cow;
use std::fmt::{self, Debug, Display};

use percent_encoding::percent_decode_str;

use crate::wire::endpoint::Endpoint;

/// The port of a server where the URL says none.
const PORT: u16 = 6379;

/// No text form of it shows the password.
pub(crate) struct RedisUrl {
    endpoint: Endpoint,
    user: String,
    password: String,
    database: u32,
}

impl RedisUrl {
    /// Nothing but an address.
    pub(crate) fn of(endpoint: Endpoint) -> Self {
        Self { endpoint, user: String::new(), password: String::new(), database: 0 }
    }

    /// The error says what is wrong and repeats nothing that could be a secret.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("`url` must be redis://USER:PASSWORD@HOST:PORT/DATABASE: {what}");
        if text.starts_with("rediss://") {
            return Err(
                "`url`: TLS (rediss://) is not spoken with Redis; a check of kind tls looks at its certificate"
                    .to_owned(),
            );
        }
        let rest = text.strip_prefix("redis://").ok_or_else(|| wrong("it does not begin with redis://"))?;
        if rest.contains(['?', '#']) {
            return Err(wrong("it holds `?` or `#`, which must be written as %3F and %23"));
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let decode = |text: &str| percent_decode_str(text).decode_utf8().map(Cow::into_owned);
        let (Ok(user), Ok(password)) = (decode(user), decode(password)) else {
            return Err(wrong("its user or password is no UTF-8"));
        };
        if password.is_empty() && !user.is_empty() {
            return Err(wrong("there is a user and no password"));
        }
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        let endpoint = Endpoint::parse(&if has_port { place.to_owned() } else { format!("{place}:{PORT}") });
        let endpoint = endpoint.ok_or_else(|| wrong("there is no host and port in it"))?;
        let database = if database.is_empty() { Ok(0) } else { database.parse() };
        let database = database.map_err(|_| wrong("its database is no number"))?;
        Ok(Self { endpoint, user, password, database })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What nobody is to see.
    pub(crate) fn password(&self) -> Option<&str> {
        Some(self.password.as_str()).filter(|password| !password.is_empty())
    }

    /// The commands that come first.
    pub(crate) fn login(&self) -> Vec<Vec<String>> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let login = match (self.user.as_str(), self.password.as_str()) {
            (_, "") => None,
            ("", password) => Some(words(&["AUTH", password])),
            (user, password) => Some(words(&["AUTH", user, password])),
        };
        let database = (self.database != 0).then(|| words(&["SELECT", &self.database.to_string()]));
        login.into_iter().chain(database).collect()
    }
}

impl Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.database == 0 {
            write!(f, "{}", self.endpoint)
        } else {
            write!(f, "{}/{}", self.endpoint, self.database)
        }
    }
}

impl Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::RedisUrl;

    #[test]
    fn a_url_says_where_and_as_whom() {
        for (text, shown, login) in [
            ("redis://localhost", "localhost:6379", vec![]),
            ("redis://[::1]/", "[::1]:6379", vec![]),
            ("redis://[::1]:7000/3", "[::1]:7000/3", vec![vec!["SELECT", "3"]]),
            ("redis://:p%40ss@db:1", "db:1", vec![vec!["AUTH", "p@ss"]]),
            ("redis://me:a:b@db/1", "db:6379/1", vec![vec!["AUTH", "me", "a:b"], vec!["SELECT", "1"]]),
        ] {
            let url = RedisUrl::parse(text).unwrap();
            assert_eq!(format!("{url} {url:?}"), format!("{shown} RedisUrl({shown})"));
            assert_eq!(url.login(), login, "{text}");
        }
    }

    #[test]
    fn whatever_else_is_refused_and_no_password_is_repeated() {
        for text in [
            "",
            "redis://",
            "db:6379",
            "rediss://:s3cret@db",
            "unix:///run/redis.sock",
            "redis://:s3cret@",
            "redis://s3cret@db",
            "redis://:s3cret@db:x",
            "redis://:s3cret@db:0",
            "redis://:s3cret@db/x",
            "redis://:s3cret%ff@db",
            "redis://:s3cret@db?timeout=1",
        ] {
            let wrong = RedisUrl::parse(text).unwrap_err();
            assert!(wrong.starts_with("`url`") && !wrong.contains("s3cret"), "{text}: {wrong}");
        }
    }
}
