//! A bare repository and a clone to push from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A bare repository and a clone of it, on branch `main`.
pub struct Repository {
    /// The bare repository.
    pub bare: PathBuf,
    /// The clone.
    pub clone: PathBuf,
}

impl Repository {
    pub(crate) fn new(bare: PathBuf, clone: PathBuf, hash: &str) -> Self {
        let init = ["init", "--quiet", "--initial-branch=main", &format!("--object-format={hash}")];
        git(Path::new("/"), &[&init[..], &["--bare", &bare.to_string_lossy()]].concat());
        git(Path::new("/"), &[&init[..], &[&clone.to_string_lossy()]].concat());
        git(&clone, &["remote", "add", "origin", &bare.to_string_lossy()]);
        Self { bare, clone }
    }

    /// Runs git in the clone and returns its stdout; it must succeed.
    pub fn git(&self, args: &[&str]) -> String {
        git(&self.clone, args)
    }

    /// Runs git in the clone and returns whatever came of it.
    pub fn try_git(&self, args: &[&str]) -> Output {
        output(&self.clone, args)
    }

    /// Writes a file in the clone.
    pub fn write(&self, relative: &str, content: impl AsRef<[u8]>) {
        let path = self.clone.join(relative);
        fs::create_dir_all(path.parent().expect("a file lies in a directory")).expect("directories can be made");
        fs::write(path, content).expect("a file can be written");
    }

    /// Commits everything in the clone and returns the full commit.
    pub fn commit(&self, subject: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", subject]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Commits everything and pushes it to `main`; whatever a hook says is returned.
    pub fn push(&self, subject: &str) -> (String, String) {
        let commit = self.commit(subject);
        let pushed = output(&self.clone, &["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
        let said = String::from_utf8_lossy(&pushed.stderr).into_owned();
        assert!(pushed.status.success(), "git push failed: {said}");
        (commit, said)
    }
}

/// Where this machine's gits lie: the packaged one, and one of the administrator's own if there is one.
pub fn gits() -> Vec<PathBuf> {
    let dirs = ["/usr/bin", "/usr/local/bin"].map(PathBuf::from);
    let gits: Vec<PathBuf> = dirs.into_iter().filter(|dir| dir.join("git").exists()).collect();
    assert!(!gits.is_empty(), "there is no git in /usr/bin or /usr/local/bin");
    gits
}

fn git(dir: &Path, args: &[&str]) -> String {
    let output = output(dir, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Git with a fixed person and nothing of the tester's own configuration.
fn output(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    command
        .current_dir(dir)
        .args(["-c", "user.name=Tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git runs")
}
