//! Containers of a test's own, on the machine's Docker Engine. Nothing is pulled: their images hold what this machine has.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::server::{installed, random};

/// An image, and all containers that are labelled with its name: they are gone once it is dropped.
pub struct Docker {
    name: String,
}

impl Docker {
    /// One with busybox in it.
    pub fn with_busybox() -> Self {
        let root = empty_root();
        let busybox = installed(&["/bin/busybox".into()], "busybox-static");
        fs::create_dir(root.path().join("bin")).expect("a fresh directory");
        fs::copy(busybox, root.path().join("bin/busybox")).expect("busybox can be copied");
        for name in ["sh", "sleep", "test", "true", "false", "touch"] {
            symlink("busybox", root.path().join("bin").join(name)).expect("a fresh link");
        }
        Self::of(root.path())
    }

    /// One whose root is this directory.
    pub(crate) fn of(root: &Path) -> Self {
        installed(&["/usr/bin/docker".into(), "/usr/local/bin/docker".into()], "docker.io");
        let docker = Self { name: format!("pushback-test-{}", random(12)) };
        let archive = root.with_extension("tar");
        let file = File::create(&archive).expect("an archive can be made");
        let packed = Command::new("tar").args(["--create", "--directory"]).arg(root).arg(".").stdout(file).status();
        assert!(packed.is_ok_and(|packed| packed.success()), "tar packs {}", root.display());
        docker.tell(&["import", "--change", "ENV PATH=/bin", &archive.display().to_string(), &docker.image()]);
        fs::remove_file(archive).expect("it can be removed");
        docker
    }

    /// The image's name.
    pub fn image(&self) -> String {
        format!("{}:1.2", self.name)
    }

    /// A name of this test's own.
    pub fn named(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }

    /// Runs a container of this name, in the background.
    pub fn run(&self, name: &str, options: &[&str], command: &[&str]) -> String {
        let (label, name, image) = (format!("--label=pushback-test={}", self.name), self.named(name), self.image());
        let run = ["run", "--detach", "--network=none", &label, "--name", &name];
        self.tell(&[&run, options, &[&image], command].concat());
        name
    }

    /// Runs the client, which must succeed; what it prints.
    pub fn tell(&self, args: &[&str]) -> String {
        let told = Command::new("docker").args(args).stdin(Stdio::null()).output().expect("docker runs");
        let said = String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success(), "docker {args:?} (this test needs a Docker Engine that runs): {said}");
        String::from_utf8_lossy(&told.stdout).trim_end().to_owned()
    }
}

impl Drop for Docker {
    fn drop(&mut self) {
        let remove = format!(
            "docker ps --all --quiet --filter label=pushback-test={} | xargs --no-run-if-empty docker rm --force --volumes; \
             docker rmi --force {}",
            self.name,
            self.image()
        );
        drop(Command::new("sh").args(["-c", &remove]).stdout(Stdio::null()).stderr(Stdio::null()).status());
    }
}

/// A root for an image, with nothing in it.
pub(crate) fn empty_root() -> TempDir {
    tempfile::Builder::new().prefix("pushback-test-").tempdir().expect("a temporary directory")
}
