//! A real PostgreSQL server from Debian's package, for one test process or one test.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::client::{Login, query};
use crate::database::{Database, Engine, Wish};
use crate::notes::note;
use crate::server::{Recipe, Server, installed, random};

/// A server on 127.0.0.1 and on a socket of its own. Every role needs its password on both, the superuser too. What is
/// committed survives that the server is killed, not a power cut. It is gone when it is dropped, and when the test
/// process ends, however that ends.
pub struct Postgres {
    server: Server,
    password: String,
}

impl Postgres {
    /// The one that all tests of this process share, started by the first that asks.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// One of the test's own, to kill or to stop.
    pub fn start() -> Self {
        let version = version_of(&Self::program("postgres"));
        let recipe = Recipe { engine: "postgres", programs: programs(), version, user: "postgres", stop: "INT" };
        let password = random(20);
        let server = Server::start(&recipe, |dir, port| {
            let change = format!("ALTER ROLE postgres PASSWORD '{password}'");
            is_there(dir, port) && query(&login(dir, port, "first"), &change).is_ok()
        });
        Self { server, password }
    }

    /// One that says everything in German; `None`, and a word in the notes, where the package's translations are left out.
    pub fn german() -> Option<Self> {
        let translation = format!("/usr/share/locale/de/LC_MESSAGES/postgres-{}.mo", newest());
        if !Path::new(&translation).exists() {
            note(&format!("SKIPPED: PostgreSQL in another language: {translation} is not installed"));
            return None;
        }
        installed(&["/usr/share/i18n/locales/de_DE".into()], "locales");
        let postgres = Self::start();
        let locales = postgres.server.dir().join("locales");
        fs::create_dir(&locales).expect("the server's directory is ours");
        let made =
            Command::new("localedef").args(["-i", "de_DE", "-f", "UTF-8"]).arg(locales.join("de_DE.UTF-8")).status();
        assert!(made.is_ok_and(|status| status.success()), "localedef makes a locale");
        // LOCPATH hides the system's own, of which the databases are.
        symlink("/usr/lib/locale/C.utf8", locales.join("C.utf8")).expect("a link can be made");
        postgres.restart_with("lc_messages = 'de_DE.UTF-8'\n");
        Some(postgres)
    }

    /// One that speaks TLS as well, and the certificate that it shows: of its own, for 127.0.0.1.
    pub fn with_tls() -> (Self, PathBuf) {
        installed(&["/usr/bin/openssl".into()], "openssl");
        let postgres = Self::start();
        let (certificate, key) = (postgres.server.dir().join("cert.pem"), postgres.server.dir().join("key.pem"));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
            .arg("-out")
            .arg(&certificate)
            .arg("-keyout")
            .arg(&key)
            .stderr(Stdio::null())
            .status();
        assert!(made.is_ok_and(|status| status.success()), "openssl makes a certificate");
        let owner = postgres.server.dir().metadata().expect("the server's directory is ours").uid();
        chown(&key, Some(owner), None).expect("the server's key can be its own");
        let (certificate_file, key_file) = (certificate.display(), key.display());
        postgres
            .restart_with(&format!("ssl = on\nssl_cert_file = '{certificate_file}'\nssl_key_file = '{key_file}'\n"));
        (postgres, certificate)
    }

    /// Starts it again with more settings.
    fn restart_with(&self, settings: &str) {
        let file = OpenOptions::new().append(true).open(self.server.dir().join("data/postgresql.conf"));
        let written = file.and_then(|mut file| file.write_all(settings.as_bytes()));
        written.expect("its settings can be changed");
        self.restart();
    }

    /// The path of one of the programs of the server's own version: `psql`, `pg_dump` …
    pub fn program(name: &str) -> PathBuf {
        programs().join(name)
    }

    /// A fresh database that belongs to a fresh role, the app's, which can log in and nothing else.
    pub fn fresh(&self) -> Database {
        self.make(Wish::default())
    }

    /// The same with a role that may create databases.
    pub fn fresh_creator(&self) -> Database {
        self.make(Wish { creator: true, ..Wish::default() })
    }

    /// A database with names of the test's choice.
    pub fn make(&self, wish: Wish) -> Database {
        let admin = self.login();
        let creator = if wish.creator { "CREATEDB" } else { "NOCREATEDB" };
        let (role, name) = (identifier(&wish.role), identifier(&wish.name));
        let password = wish.password.replace('\'', "''");
        // `\` in a plain literal means itself: standard_conforming_strings.
        admin.must(&format!(
            "CREATE ROLE {role} LOGIN {creator} PASSWORD '{password}';
             CREATE DATABASE {name} OWNER {role};"
        ));
        Database::new(admin, wish)
    }

    /// The superuser's address, with the maintenance database.
    pub fn admin_url(&self) -> String {
        self.login().url()
    }

    /// Runs SQL as the superuser in the maintenance database and returns what it printed.
    pub fn sql(&self, text: &str) -> String {
        self.login().must(text)
    }

    /// The directory of its socket.
    pub fn socket_dir(&self) -> &Path {
        self.server.dir()
    }

    /// Starts it again, on the same port; it comes back from [`Server::kill_server`] as from a crash.
    pub fn restart(&self) {
        self.server.restart(|dir, port| is_there(dir, port) && query(&self.login(), "SELECT 1").is_ok());
    }

    fn login(&self) -> Login {
        login(self.server.dir(), self.server.port(), &self.password)
    }
}

impl Deref for Postgres {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn login(dir: &Path, port: u16, password: &str) -> Login {
    Login {
        engine: Engine::Postgres,
        socket: dir.to_owned(),
        port,
        role: "postgres".to_owned(),
        password: password.to_owned(),
        database: "postgres".to_owned(),
    }
}

/// Whether the socket is: it comes before the server answers, and asking for it costs less than a `psql`.
fn is_there(dir: &Path, port: u16) -> bool {
    dir.join(format!(".s.PGSQL.{port}")).exists()
}

/// The newest version that is installed with its server.
fn newest() -> String {
    let programs = programs();
    let version = programs.parent().and_then(Path::file_name).unwrap_or_default();
    version.to_string_lossy().into_owned()
}

/// Where Debian puts that version: psql and friends on PATH are wrappers that choose a version themselves.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .filter(|(_, programs)| programs.join("postgres").exists())
        .collect();
    found.sort();
    let newest = found.pop().map(|(_, programs)| programs).unwrap_or_default();
    installed(&[newest.join("postgres")], "postgresql");
    newest
}

/// A server's own words for its version, as a name for a file.
pub(crate) fn version_of(program: &Path) -> String {
    let told = Command::new(program).arg("--version").stdin(Stdio::null()).output().expect("it tells its version");
    let words = String::from_utf8_lossy(&told.stdout).into_owned();
    let version = words.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    version.expect("the version has a number").trim_end_matches(',').to_owned()
}

/// The client, with the credentials in its environment only.
pub(crate) fn client(program: &str, login: &Login) -> Command {
    let mut command = Command::new(Postgres::program(program));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    let settings: [(&str, &OsStr); 5] = [
        ("PGHOST", login.socket.as_os_str()),
        ("PGUSER", login.role.as_ref()),
        ("PGPASSWORD", login.password.as_ref()),
        ("PGDATABASE", login.database.as_ref()),
        ("PGCLIENTENCODING", "UTF8".as_ref()),
    ];
    command.envs(settings).env("PGPORT", login.port.to_string());
    command
}

/// `psql`, which stops at the first error.
pub(crate) fn psql(login: &Login) -> Command {
    let mut command = client("psql", login);
    command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1", "--file=-"]);
    command
}

/// A name as SQL writes it.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
