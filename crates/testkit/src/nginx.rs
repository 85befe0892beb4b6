//! A real nginx from Debian's package, for one test.

use std::fs;
use std::net::TcpStream;
use std::ops::Deref;
use std::path::Path;

use crate::server::{Recipe, Server, installed};

/// A web server on a free port of 127.0.0.1, with all its files in a directory of its own. It is gone when it is dropped, and
/// when the test process ends, however that ends.
pub struct Nginx {
    server: Server,
}

impl Nginx {
    /// One that serves the files of [`Nginx::file`], and does what these directives of its `server` block say.
    pub fn start(directives: &str) -> Self {
        Self::start_with(directives, |_| ())
    }

    /// The same for `https` alone, with this certificate and its key (PEM).
    pub fn with_tls(directives: &str, certificate: &Path, key: &Path) -> Self {
        let directives = format!("ssl_certificate cert.pem;\nssl_certificate_key key.pem;\n{directives}");
        Self::start_with(&directives, |dir| {
            for (from, to) in [(certificate, "cert.pem"), (key, "key.pem")] {
                // As a file of everybody's, for the user that nginx runs as.
                fs::write(dir.join(to), fs::read(from).expect("it can be read")).expect("a file can be written");
            }
        })
    }

    fn start_with(directives: &str, more: impl Fn(&Path)) -> Self {
        let program = installed(&["/usr/sbin/nginx".into()], "nginx-light");
        let recipe = Recipe {
            engine: "nginx",
            // It begins without data, whichever version it is.
            version: "any".to_owned(),
            programs: program.parent().expect("a program lies in a directory").to_owned(),
            user: "www-data",
            stop: "TERM",
        };
        let prepare = |dir: &Path| {
            fs::create_dir(dir.join("site")).expect("a fresh directory");
            fs::write(dir.join("server.conf"), directives).expect("a file can be written");
            more(dir);
        };
        // It writes its number once it listens.
        let answers = |dir: &Path, port| dir.join("pid").exists() && TcpStream::connect(("127.0.0.1", port)).is_ok();
        Self { server: Server::start_with(&recipe, prepare, answers) }
    }

    /// Writes a file that it serves, with its missing directories.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.dir().join("site").join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("directories can be made");
        fs::write(path, content).expect("a file can be written");
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// An address of one with TLS.
    pub fn secure_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port())
    }

    /// Each request that it has answered: `GET /a 200`.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.dir().join("requests")).expect("it logs what it is asked");
        log.lines().map(str::to_owned).collect()
    }
}

impl Deref for Nginx {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}
