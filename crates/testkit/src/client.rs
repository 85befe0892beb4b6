//! The engines' own clients, as tests use them: SQL in, text out.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use crate::database::Engine;
use crate::{mariadb, postgres};

/// Who connects to what, by the socket.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) engine: Engine,
    /// PostgreSQL: its directory, MariaDB: its path.
    pub(crate) socket: PathBuf,
    pub(crate) port: u16,
    pub(crate) role: String,
    pub(crate) password: String,
    pub(crate) database: String,
}

impl Login {
    /// The address by TCP.
    pub(crate) fn url(&self) -> String {
        let (scheme, database) = (self.engine.scheme(), encoded(&self.database));
        format!("{scheme}://{}:{}@127.0.0.1:{}/{database}", encoded(&self.role), encoded(&self.password), self.port)
    }

    /// The address by the socket. In libpq's the port is part of the socket's name.
    pub(crate) fn socket_url(&self) -> String {
        let (role, password, database) = (encoded(&self.role), encoded(&self.password), encoded(&self.database));
        let socket = encoded(&self.socket.display().to_string()).replace("%2F", "/");
        match self.engine {
            Engine::Postgres => format!("postgres://{role}:{password}@/{database}?host={socket}&port={}", self.port),
            Engine::Mariadb => format!("mysql://{role}:{password}@localhost/{database}?socket={socket}"),
        }
    }

    /// The same login to another database.
    pub(crate) fn to(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// Runs SQL and returns what it printed; an error of any statement ends the test with the client's words.
    pub(crate) fn must(&self, text: &str) -> String {
        query(self, text).unwrap_or_else(|words| panic!("{words}\n— in {}, as {}:\n{text}", self.database, self.role))
    }
}

/// Runs SQL: what it printed, or else what the client said.
pub(crate) fn query(login: &Login, text: &str) -> Result<String, String> {
    let client = match login.engine {
        Engine::Postgres => postgres::psql(login),
        Engine::Mariadb => mariadb::mariadb(login),
    };
    run(client, text)
}

/// Runs a program on a text: what it printed, or else what it said.
pub(crate) fn run(mut command: Command, text: &str) -> Result<String, String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // Beside: a client answers while it still reads. One that stops early says itself why.
    let output = thread::scope(|scope| {
        scope.spawn(move || drop(stdin.write_all(text.as_bytes())));
        child.wait_with_output().expect("a child can be waited for")
    });
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(printed) } else { Err(format!("{}: {said}", output.status)) }
}

/// RFC 3986: all but unreserved characters as `%XX`.
fn encoded(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}
