//! A real MariaDB server from Debian's package, for one test process or one test.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::client::{Login, query};
use crate::database::{Database, Engine, Wish};
use crate::postgres::version_of;
use crate::server::{Recipe, Server, installed, random};

/// A server on 127.0.0.1 and on a socket of its own, without a binary log and without running events. Every account
/// needs its password, root too. What is committed survives that the server is killed, not a power cut. It is gone when
/// it is dropped, and when the test process ends, however that ends.
pub struct Mariadb {
    server: Server,
    password: String,
}

impl Mariadb {
    /// The one that all tests of this process share, started by the first that asks.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Mariadb> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// One of the test's own, to kill or to stop.
    pub fn start() -> Self {
        let program = installed(&["/usr/sbin/mariadbd".into(), "/usr/bin/mariadbd".into()], "mariadb-server");
        installed(&[Self::program("mariadb")], "mariadb-client");
        let recipe = Recipe {
            engine: "mariadb",
            version: version_of(&program),
            programs: program.parent().expect("a program lies in a directory").to_owned(),
            user: "mysql",
            stop: "TERM",
        };
        let password = random(20);
        // root@localhost is who comes by the socket, root@127.0.0.1 who comes by TCP: names are not looked up.
        let passwords = format!(
            "CREATE OR REPLACE USER root@'127.0.0.1' IDENTIFIED BY '{password}';
             GRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;
             ALTER USER root@localhost IDENTIFIED BY '{password}'"
        );
        let server =
            Server::start(&recipe, |dir, port| is_there(dir) && query(&login(dir, port, ""), &passwords).is_ok());
        Self { server, password }
    }

    /// The path of a client program: `mariadb`, `mariadb-dump` …
    pub fn program(name: &str) -> PathBuf {
        Path::new("/usr/bin").join(name)
    }

    /// A fresh database and a fresh account, the app's, which may do all in it and nothing beside it.
    pub fn fresh(&self) -> Database {
        self.make(Wish::default())
    }

    /// The same with what a restore beside the live database needs: all in databases whose name begins with this one's
    /// and `_`, `SET USER` for the definers of others, `CONNECTION ADMIN`, `RELOAD`, and reading the routines of others.
    pub fn fresh_creator(&self) -> Database {
        self.make(Wish { creator: true, ..Wish::default() })
    }

    /// A database with names of the test's choice.
    pub fn make(&self, wish: Wish) -> Database {
        let admin = self.login();
        let (account, name) = (format!("{}@'%'", literal(&wish.role)), identifier(&wish.name));
        // In GRANT a name is a pattern, in which _ and % stand for others.
        let pattern = wish.name.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
        let (own, beside) = (identifier(&pattern), identifier(&format!("{pattern}\\_%")));
        admin.must(&format!(
            "CREATE USER {account} IDENTIFIED BY {};
             CREATE DATABASE {name};
             GRANT ALL ON {own}.* TO {account};",
            literal(&wish.password)
        ));
        if wish.creator {
            admin.must(&format!(
                "GRANT ALL ON {beside}.* TO {account};
                 GRANT SET USER, CONNECTION ADMIN, RELOAD ON *.* TO {account};
                 GRANT SELECT ON mysql.proc TO {account};"
            ));
        }
        Database::new(admin, wish)
    }

    /// The address of root, with no database but its own.
    pub fn admin_url(&self) -> String {
        self.login().url()
    }

    /// Runs SQL as root and returns what it printed.
    pub fn sql(&self, text: &str) -> String {
        self.login().must(text)
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.server.dir().join("socket")
    }

    /// Starts it again, on the same port; it comes back from [`Server::kill_server`] as from a crash.
    pub fn restart(&self) {
        self.server.restart(|dir, _| is_there(dir) && query(&self.login(), "SELECT 1").is_ok());
    }

    fn login(&self) -> Login {
        login(self.server.dir(), self.server.port(), &self.password)
    }
}

impl Deref for Mariadb {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn login(dir: &Path, port: u16, password: &str) -> Login {
    Login {
        engine: Engine::Mariadb,
        socket: dir.join("socket"),
        port,
        role: "root".to_owned(),
        password: password.to_owned(),
        database: "mysql".to_owned(),
    }
}

/// Whether the socket is: asking for it costs less than a client.
fn is_there(dir: &Path) -> bool {
    dir.join("socket").exists()
}

/// A client, with the password in its environment only.
pub(crate) fn client(program: &str, login: &Login) -> Command {
    let mut command = Command::new(Mariadb::program(program));
    command.args(["--no-defaults", "--default-character-set=utf8mb4", "--protocol=socket"]);
    command.arg("--socket").arg(&login.socket).arg(format!("--user={}", login.role)).env("MYSQL_PWD", &login.password);
    command
}

/// `mariadb`, which stops at the first error and prints values as they are.
pub(crate) fn mariadb(login: &Login) -> Command {
    let mut command = client("mariadb", login);
    command.args(["--batch", "--skip-column-names", "--raw"]).arg(format!("--database={}", login.database));
    command
}

/// A name as SQL writes it.
pub(crate) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A text as SQL writes it.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
