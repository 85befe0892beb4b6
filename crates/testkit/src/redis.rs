//! A real Redis server from Debian's package, for one test process or one test.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::server::{Recipe, Server, installed, random};

/// A server on 127.0.0.1 that keeps everything in memory. It is gone when it is dropped, and when the test process ends, however
/// that ends.
pub struct Redis {
    server: Server,
    /// Empty where it asks for none.
    password: String,
}

impl Redis {
    /// The one that all tests of this process share, started by the first that asks.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// One of the test's own, to kill or to stop, which asks for no password.
    pub fn start() -> Self {
        let program = installed(&["/usr/bin/redis-server".into()], "redis-server");
        let recipe = Recipe {
            engine: "redis",
            version: version_of(&program),
            programs: program.parent().expect("a program lies in a directory").to_owned(),
            user: "redis",
            stop: "TERM",
        };
        let server = Server::start(&recipe, |_, port| serves(port));
        Self { server, password: String::new() }
    }

    /// One that serves nobody without a password.
    pub fn with_password() -> Self {
        let mut redis = Self::start();
        let password = random(20);
        redis.command(&["CONFIG", "SET", "requirepass", &password]);
        redis.password = password;
        redis
    }

    /// Starts it again on its port, empty, and without a password.
    pub fn restart(&self) {
        self.server.restart(|_, port| serves(port));
    }

    /// `127.0.0.1:port`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port())
    }

    /// Its password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Does what a command says, and returns the reply as it comes; an error ends the test.
    pub fn command(&self, words: &[&str]) -> String {
        let said = ask(self.port(), &self.password, words).expect("the server answers");
        assert!(!said.starts_with('-'), "{words:?}: {said}");
        said
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn serves(port: u16) -> bool {
    ask(port, "", &["PING"]).is_some_and(|said| said == "+PONG\r\n")
}

/// Says a command on a connection of its own: the reply, if there is one.
fn ask(port: u16, password: &str, words: &[&str]) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time limit can be set");
    let login = if password.is_empty() { Vec::new() } else { request(&["AUTH", password]) };
    // The server closes the connection behind the reply to QUIT.
    stream.write_all(&[login.clone(), request(words), request(&["QUIT"])].concat()).ok()?;
    let mut said = String::new();
    stream.read_to_string(&mut said).ok()?;
    let said = said.strip_suffix("+OK\r\n")?;
    let said = if login.is_empty() { said } else { said.strip_prefix("+OK\r\n")? };
    Some(said.to_owned())
}

fn request(words: &[&str]) -> Vec<u8> {
    let all: String = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
    format!("*{}\r\n{all}", words.len()).into_bytes()
}

/// `Redis server v=7.0.15 sha=00000000:0 …`
fn version_of(program: &Path) -> String {
    let told = Command::new(program).arg("--version").stdin(Stdio::null()).output().expect("it tells its version");
    let words = String::from_utf8_lossy(&told.stdout).into_owned();
    let version = words.split_whitespace().find_map(|word| word.strip_prefix("v="));
    version.expect("the version has a number").to_owned()
}
