//! A real nginx of a test's own, with its files in the sandbox.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Child;

use crate::place::free_port;
use crate::processes::kill;
use crate::sandbox::Sandbox;
use crate::server::installed;
use crate::wait_until;

/// It is gone once it is dropped.
pub struct Nginx {
    process: Child,
    port: u16,
    config: PathBuf,
}

impl Nginx {
    /// Starts one with these lines in its server.
    pub fn start(sandbox: &Sandbox, lines: &str) -> Self {
        let program = installed(&["/usr/sbin/nginx".into()], "nginx-light");
        // Between the look for a free port and its own bind another process may take it.
        for _ in 0..20 {
            let port = free_port();
            let config = sandbox.write("nginx/nginx.conf", config(&sandbox.path("nginx"), port, lines));
            let run = sandbox.program(&program).arg("-e").arg(sandbox.path("nginx/early.log")).arg("-c").arg(&config);
            let mut nginx = Self { process: run.spawn(), port, config };
            let mut serves = false;
            wait_until("nginx serves", || {
                serves = TcpStream::connect(("127.0.0.1", port)).is_ok() && sandbox.path("nginx/pid").exists();
                serves || nginx.process.try_wait().expect("a child can be asked").is_some()
            });
            if serves {
                return nginx;
            }
        }
        panic!("nginx does not start: {}{}", sandbox.read("nginx/early.log"), sandbox.read("nginx/error.log"));
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its configuration file.
    pub fn config(&self) -> &Path {
        &self.config
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_none()) {
            // The master ends its workers.
            kill("TERM", self.process.id());
        }
        drop(self.process.wait());
    }
}

/// A configuration that keeps all its files in one directory.
fn config(dir: &Path, port: u16, lines: &str) -> String {
    let dir = dir.display();
    let temporary =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|of| format!("{of}_temp_path {dir}/{of};\n"));
    format!(
        "daemon off;\npid {dir}/pid;\nerror_log {dir}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{}\
         server {{\nlisten 127.0.0.1:{port};\n{lines}\n}}\n}}\n",
        temporary.concat()
    )
}
