//! A real systemd that is process 1 of a container, with a root of its own and the programs of this machine. The system that
//! the tests run on never has to be one of systemd's.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::docker::{Docker, empty_root};
use crate::run::Run;
use crate::sandbox::Sandbox;
use crate::server::installed;
use crate::tools::tool_path;
use crate::wait_until;

/// What mounts this machine's programs find, and where systemd may write where it finds control groups of version 2.
const START: &str = "[ -e /sys/fs/cgroup/cgroup.controllers ] && mount -o remount,rw /sys/fs/cgroup; \
    exec /usr/lib/systemd/systemd";

/// It is gone once it is dropped.
pub struct Systemd {
    docker: Docker,
    container: String,
}

impl Systemd {
    /// Boots one with these units, of which `main.service` is started and awaited. The sandbox and the tools are in it at
    /// their own paths.
    pub fn boot(sandbox: &Sandbox, units: &[(&str, &str)]) -> Self {
        installed(&["/usr/lib/systemd/systemd".into(), "/lib/systemd/systemd".into()], "systemd");
        let root = empty_root();
        fill(root.path(), units);
        let docker = Docker::of(root.path());
        let tools = tool_path("smoke-test");
        let tools = tools.parent().expect("a tool lies in a directory").display().to_string();
        let own = sandbox.path("").display().to_string();
        let (tools, own) = (format!("--volume={tools}:{tools}:ro"), format!("--volume={own}:{own}"));
        let options = [
            "--cap-add=SYS_ADMIN",
            "--security-opt=seccomp=unconfined",
            "--security-opt=apparmor=unconfined",
            "--cgroupns=private",
            "--tmpfs=/tmp:exec",
            "--tmpfs=/run",
            "--volume=/usr:/usr:ro",
            "--env=container=docker",
            "--env=PATH=/usr/sbin:/usr/bin",
            &tools,
            &own,
        ];
        let container = docker.run("systemd", &options, &["/usr/bin/sh", "-c", START]);
        let systemd = Self { docker, container };
        wait_until("systemd has started the unit", || {
            let ask = ["exec", &systemd.container, "sh", "-c", "systemctl is-active main.service || true"];
            systemd.docker.tell(&ask).trim() == "active"
        });
        systemd
    }

    /// Runs its systemctl, which must succeed; what it prints.
    pub fn systemctl(&self, args: &[&str]) -> String {
        self.docker.tell(&[&["exec", &self.container, "systemctl"], args].concat())
    }

    /// A run of a real tool in it, with the sandbox's settings.
    pub fn tool(&self, sandbox: &Sandbox, name: &str) -> Run {
        let settings = format!("PUSHBACK_ENV={}", sandbox.env_file().display());
        let run = sandbox.program(Path::new("docker")).args(["exec", "--env", &settings, "--env", "HOME=/root"]);
        run.args([self.container.as_ref(), tool_path(name).as_os_str()])
    }
}

/// What systemd needs of its own: the rest is that of this machine.
fn fill(root: &Path, units: &[(&str, &str)]) {
    for dir in ["etc/systemd/system", "usr", "tmp", "run", "proc", "sys", "dev", "root", "var/log", "var/lib"] {
        fs::create_dir_all(root.join(dir)).expect("a fresh directory");
    }
    for name in ["bin", "sbin", "lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name)).expect("a fresh link");
    }
    let write = |path: &str, text: &str| fs::write(root.join(path), text).expect("a file can be written");
    write("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
    write("etc/group", "root:x:0:\n");
    write("etc/machine-id", "");
    write("etc/os-release", "ID=test\n");
    write(
        "etc/systemd/system/default.target",
        "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\nWants=main.service\n",
    );
    for (name, text) in units {
        let text = format!("[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n{text}");
        write(&format!("etc/systemd/system/{name}"), &text);
    }
}
