//! Where a database on a server is, and who asks for it: `postgres://USER:PASSWORD@HOST:PORT/NAME?PARAMETER=VALUE`, or the
//! settings `DB_HOST`, `DB_PORT`, `DB_NAME`, `DB_USER` and `DB_PASSWORD`.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};

use kit::voice;

/// A database on a server. No text form of it shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// `postgres` or `mysql`: how the text form begins.
    pub scheme: &'static str,
    /// A host's name or address, or the absolute path of what holds a Unix socket; `None` when nobody said.
    pub host: Option<String>,
    /// Its port; `None` when nobody said.
    pub port: Option<u16>,
    /// The role that asks.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<String>,
    /// The name of the database.
    pub database: String,
    /// What else the URL says, by its own names (`sslmode`, `connect_timeout` …).
    pub parameters: BTreeMap<String, String>,
}

impl Address {
    /// Understands what follows the scheme of a URL (RFC 3986, with the empty host and the host in a parameter that libpq
    /// knows). The error is the end of a sentence, and repeats nothing that could be a secret.
    pub fn parse(scheme: &'static str, rest: &str) -> Result<Self, String> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        if rest.contains('#') || query.contains('#') {
            return Err("it holds `#`, which must be written as %23".to_owned());
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        let (user, password) = match user.map(|user| user.split_once(':').unwrap_or((user, ""))) {
            Some((user, password)) => (given(user)?, given(password)?),
            None => (None, None),
        };
        let (host, port) = host_and_port(place)?;
        let mut address =
            Self { scheme, host, port, user, password, database: decode(path)?, parameters: parameters(query)? };
        address.take_parameters()?;
        if address.database.is_empty() {
            return Err("it names no database".to_owned());
        }
        if address.host.as_ref().is_some_and(|host| host.contains(',')) {
            return Err("it names several hosts: say which one is meant".to_owned());
        }
        Ok(address)
    }

    /// The parameters that say what the rest of the URL can say as well win (libpq, 34.1.1.2).
    fn take_parameters(&mut self) -> Result<(), String> {
        let mut take = |name: &str| self.parameters.remove(name);
        self.host = take("host").or(self.host.take());
        self.user = take("user").or(self.user.take());
        self.password = take("password").or(self.password.take());
        if let Some(database) = take("dbname") {
            self.database = database;
        }
        if let Some(port) = take("port") {
            self.port = Some(port.parse().map_err(|_| "its port is no number".to_owned())?);
        }
        Ok(())
    }

    /// The same database server, another database.
    #[must_use]
    pub fn of_database(&self, name: &str) -> Self {
        Self { database: name.to_owned(), ..self.clone() }
    }

    /// Whether the host is a Unix socket: an absolute path.
    #[must_use]
    pub fn is_socket(&self) -> bool {
        self.host.as_ref().is_some_and(|host| host.starts_with('/'))
    }
}

impl Display for Address {
    /// Which database it is, whoever asks: `postgres://db.example/app`, `postgres:///app?host=/run/postgresql`. The usual
    /// port is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.as_deref().unwrap_or_default();
        let usual = if self.scheme == "mysql" { 3306 } else { 5432 };
        let port = self.port.filter(|port| *port != usual).map(|port| format!(":{port}")).unwrap_or_default();
        let database = voice::clean_line(&self.database);
        if self.is_socket() {
            write!(f, "{}://{port}/{database}?host={}", self.scheme, voice::clean_line(host))
        } else if host.contains(':') {
            write!(f, "{}://[{}]{port}/{database}", self.scheme, voice::clean_line(host))
        } else {
            write!(f, "{}://{}{port}/{database}", self.scheme, voice::clean_line(host))
        }
    }
}

impl Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

fn given(text: &str) -> Result<Option<String>, String> {
    decode(text).map(|text| Some(text).filter(|text| !text.is_empty()))
}

fn host_and_port(place: &str) -> Result<(Option<String>, Option<u16>), String> {
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or("its `[` is never closed")?;
            (host, port.strip_prefix(':').unwrap_or(port))
        }
        None => place.rsplit_once(':').unwrap_or((place, "")),
    };
    let port = match port {
        "" => None,
        port => Some(port.parse().map_err(|_| "its port is no number".to_owned())?),
    };
    Ok((given(host)?, port))
}

fn parameters(query: &str) -> Result<BTreeMap<String, String>, String> {
    let mut parameters = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("a parameter behind `?` has no `=`")?;
        if parameters.insert(decode(name)?, decode(value)?).is_some() {
            return Err(format!("it says `{}` twice", voice::clean_line(name)));
        }
    }
    Ok(parameters)
}

/// Percent-encoding (RFC 3986, 2.1).
fn decode(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match byte {
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.push(high * 16 + low),
                _ => return Err("a `%` is not followed by two hexadecimal digits; `%` itself is %25".to_owned()),
            },
            byte => bytes.push(byte),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains(char::is_control) => Ok(text),
        _ => Err("it holds what is no text, or control characters".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    fn parse(rest: &str) -> Result<Address, String> {
        Address::parse("postgres", rest)
    }

    #[test]
    fn a_url_names_host_port_user_password_and_database() {
        let address = parse("app:s3%40cret%2F@db.example:5433/my%20app?sslmode=verify-full&connect_timeout=5").unwrap();
        assert_eq!((address.host.as_deref(), address.port), (Some("db.example"), Some(5433)));
        assert_eq!((address.user.as_deref(), address.password.as_deref()), (Some("app"), Some("s3@cret/")));
        assert_eq!((address.database.as_str(), address.parameters.len()), ("my app", 2));
        assert_eq!(address.to_string(), "postgres://db.example:5433/my app");
        assert_eq!(format!("{address:?}"), "Address(postgres://db.example:5433/my app)");
    }

    #[test]
    fn a_socket_is_a_host_that_is_a_path() {
        for text in
            ["app@/app?host=/run/postgresql", "app@%2Frun%2Fpostgresql/app", "/app?host=/run/postgresql&user=app"]
        {
            let address = parse(text).unwrap();
            assert!(address.is_socket() && address.user.as_deref() == Some("app"), "{text}");
            assert_eq!(address.to_string(), "postgres:///app?host=/run/postgresql", "{text}");
        }
        assert_eq!(parse("[::1]:5432/app").unwrap().to_string(), "postgres://[::1]/app");
        assert_eq!(parse("/app").unwrap().host, None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_nothing_secret_is_repeated() {
        for text in [
            "",
            "db",
            "db/",
            "app:s3cret@db",
            "app:s3cret@db:port/app",
            "app:s3cret@db:70000/app",
            "app:s3cret@[::1/app",
            "app:s3cret%4@db/app",
            "app:s3cret%zz@db/app",
            "app:s3cret%00@db/app",
            "app:s3cret#@db/app",
            "app:s3cret@db/app?sslmode",
            "app:s3cret@db/app?sslmode=a&sslmode=b",
            "app:s3cret@db/app?port=x",
            "app:s3cret@one,two/app",
        ] {
            let why = parse(text).unwrap_err();
            assert!(!why.contains("s3cret"), "{text}: {why}");
        }
    }
}
