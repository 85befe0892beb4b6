//! Servers that show a certificate: a good one, and every kind of bad one.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use testkit::{Sandbox, wait_until};

use crate::{page, smoke};

/// An authority of the test's own.
pub(crate) struct Authority<'a> {
    sandbox: &'a Sandbox,
}

/// A server that `openssl` runs. It ends with the test.
pub(crate) struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

impl<'a> Authority<'a> {
    pub(crate) fn new(sandbox: &'a Sandbox) -> Self {
        let authority = Self { sandbox };
        authority.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca");
        authority
    }

    fn openssl(&self, args: &str) {
        self.sandbox.program("openssl".as_ref()).args(args.split(' ')).any_stdout().any_stderr().check();
    }

    /// The certificate of the authority.
    pub(crate) fn pem(&self) -> PathBuf {
        self.sandbox.path("ca.pem")
    }

    /// A server with a certificate for this name, of so many days from now, signed by the authority or by itself.
    pub(crate) fn serve(&self, name: &str, days: i32, own: bool) -> Server {
        self.certify(name, days, own);
        self.serve_with("cert.pem", "key.pem", &[])
    }

    /// Makes such a certificate, `cert.pem`, and its key, `key.pem`, instead of those that were there.
    pub(crate) fn certify(&self, name: &str, days: i32, own: bool) {
        self.sandbox.write("names", format!("subjectAltName = {name}\nbasicConstraints = CA:FALSE\n"));
        self.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=server",
        );
        let signer = if own { "-signkey key.pem" } else { "-CA ca.pem -CAkey ca.key -CAcreateserial" };
        self.openssl(&format!("x509 -req -in request.pem -out cert.pem -days {days} -extfile names {signer}"));
    }

    /// A server with a certificate for `localhost` of these dates, as `20200131235959Z`.
    pub(crate) fn serve_from(&self, begin: &str, end: &str) -> Server {
        self.sandbox.write("names", "subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n");
        self.sandbox.write("index.txt", "");
        let settings =
            "database = index.txt\nnew_certs_dir = .\nrand_serial = yes\ndefault_md = sha256\npolicy = any\n";
        let settings = format!("[ca]\ndefault_ca = own\n[own]\n{settings}[any]\ncommonName = supplied\n");
        self.sandbox.write("ca.conf", settings);
        self.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out request.pem -subj /CN=server",
        );
        let dates = format!("-startdate {begin} -enddate {end}");
        self.openssl(&format!(
            "ca -batch -notext -config ca.conf -cert ca.pem -keyfile ca.key -in request.pem -out cert.pem -extfile names {dates}"
        ));
        self.serve_with("cert.pem", "key.pem", &[])
    }

    /// A server with this certificate and key, which is given these arguments too.
    pub(crate) fn serve_with(&self, certificate: &str, key: &str, args: &[&str]) -> Server {
        // Another process may take the port before openssl does, which says neither that nor which one it took.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let openssl = self.sandbox.program("openssl".as_ref());
            let openssl = openssl.args(["s_server", "-quiet", "-www", "-cert", certificate, "-key", key]).args(args);
            let mut command = openssl.args(["-accept", &port.to_string()]).into_command();
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut server = Server { process: command.spawn().unwrap(), port };
            let mut is_over = false;
            wait_until("openssl listens, or has ended", || {
                is_over = server.process.try_wait().unwrap().is_some();
                is_over || TcpStream::connect(("127.0.0.1", port)).is_ok()
            });
            if !is_over {
                return server;
            }
        }
        panic!("openssl does not listen with {certificate} and {key}");
    }
}

impl Server {
    pub(crate) fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/", self.port)
    }
}

#[test]
fn the_certificate_of_a_private_authority_is_trusted_when_that_is_said() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    let server = authority.serve("DNS:localhost", 2, false);
    let ca = authority.pem();
    let trusting =
        page(&server.url(), &format!("ca = '{}'\nexpect = ['status == 200', 'body contains \"TLS\"']", ca.display()));
    smoke(&sandbox, &trusting).stdout_has("page  pass  status 200, ").check();
    smoke(&sandbox, &page(&server.url(), ""))
        .code(1)
        .stdout_has("invalid peer certificate: UnknownIssuer")
        .any_stderr()
        .check();
}

#[test]
fn a_certificate_that_is_expired_foreign_or_its_own_fails() {
    let sandbox = Sandbox::new();
    let authority = Authority::new(&sandbox);
    let ca = format!("ca = '{}'", authority.pem().display());
    for (name, days, own, why) in [
        ("DNS:localhost", -1, false, "invalid peer certificate: Expired"),
        ("DNS:other.example", 2, false, "certificate not valid for name"),
        ("DNS:localhost", 2, true, "invalid peer certificate: UnknownIssuer"),
    ] {
        let server = authority.serve(name, days, own);
        let run = smoke(&sandbox, &page(&server.url(), &ca)).code(1).any_stderr();
        run.stdout_has(format!("page  fail  cannot ask {}: ", server.url())).stdout_has(why).check();
    }
}

#[test]
fn certificates_that_cannot_be_read_are_an_error_of_ours() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("empty.pem"), "nothing\n").unwrap();
    for (file, why) in [("nowhere.pem", "no such file or directory"), ("empty.pem", "there is none")] {
        let checks = page("https://localhost:1/", &format!("ca = '{}'", sandbox.path(file).display()));
        let run = smoke(&sandbox, &checks).code(74).any_stderr();
        run.stdout_has("page  error  cannot read the certificates in ").stdout_has(why).check();
    }
}
