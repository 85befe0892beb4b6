//! A real sshd on loopback: its own configuration, keys and port; the system's own is not touched.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use testkit::{Process, Sandbox, kill, processes, wait_until};

/// Debian's; it demands to be started by its full path.
const PROGRAM: &str = "/usr/sbin/sshd";

/// A running server, which ends with the test.
pub struct Sshd {
    child: Child,
    dir: PathBuf,
    port: u16,
}

impl Sshd {
    /// Starts one that lets the present user in with a key made for it.
    pub fn start(sandbox: &Sandbox) -> Self {
        // As root it separates privileges, and insists on this directory.
        if is_root() {
            fs::create_dir_all("/run/sshd").expect("/run/sshd can be made");
        }
        let dir = sandbox.path("ssh");
        fs::create_dir(&dir).expect("a fresh directory");
        for key in ["host", "user"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(dir.join(key));
            assert!(keygen.status().expect("ssh-keygen runs").success());
        }
        fs::copy(dir.join("user.pub"), dir.join("authorized_keys")).expect("a key can be copied");
        // Freed again just before sshd takes it: another port when somebody was faster.
        (0..10).find_map(|_| Self::try_start(&dir)).expect("sshd takes one of ten free ports")
    }

    fn try_start(dir: &Path) -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
        fs::write(dir.join("config"), configuration(dir, port)).expect("a file can be written");
        let host = fs::read_to_string(dir.join("host.pub")).expect("a key is text");
        fs::write(dir.join("known_hosts"), format!("[127.0.0.1]:{port} {host}")).expect("a file can be written");
        let mut command = Command::new(PROGRAM);
        command.arg("-D").arg("-f").arg(dir.join("config")).arg("-E").arg(dir.join("log"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut sshd = Self { child: command.spawn().expect("sshd starts"), dir: dir.to_owned(), port };
        let mut ended = false;
        wait_until("sshd answers", || {
            ended = sshd.child.try_wait().expect("sshd can be waited for").is_some();
            ended || TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        (!ended).then_some(sshd)
    }

    /// What git calls as ssh.
    pub fn client(&self) -> String {
        let dir = self.dir.display();
        format!(
            "ssh -F none -p {} -i {dir}/user -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes \
             -o UserKnownHostsFile={dir}/known_hosts -o GlobalKnownHostsFile=/dev/null",
            self.port
        )
    }

    /// A repository on this machine as a remote.
    pub fn url(&self, repository: &Path) -> String {
        format!("ssh://127.0.0.1{}", repository.display())
    }

    /// The processes of sshd that serve connections, the parents first.
    pub fn sessions(&self) -> Vec<Process> {
        let all = processes();
        let mut found: Vec<Process> = Vec::new();
        let mut parents = vec![self.child.id()];
        while let Some(parent) = parents.pop() {
            for child in all.iter().filter(|one| one.parent == parent && one.name.starts_with("sshd")) {
                parents.push(child.pid);
                found.push(child.clone());
            }
        }
        found
    }

    /// Ends the connections as a crash does; what they run is left alone.
    pub fn cut(&self) {
        let sessions = self.sessions();
        assert!(!sessions.is_empty(), "there is a connection");
        for session in sessions.iter().filter(|session| session.lives()) {
            kill("KILL", session.pid);
        }
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        for session in self.sessions() {
            // One that has ended meanwhile is what we want.
            drop(Command::new("kill").args(["-KILL", &session.pid.to_string()]).stderr(Stdio::null()).status());
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// sshd_config(5). Sandboxes lie in /tmp, which others may write to: hence no `StrictModes`.
fn configuration(dir: &Path, port: u16) -> String {
    let dir = dir.display();
    format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/authorized_keys\n\
         PidFile none\nStrictModes no\nUsePAM no\nUseDNS no\nPasswordAuthentication no\nPermitRootLogin yes\n\
         SetEnv GIT_CONFIG_GLOBAL=/dev/null\n"
    )
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    output.stdout == b"0\n"
}
