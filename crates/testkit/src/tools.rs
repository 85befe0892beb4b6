//! The real binaries, built once per test process, with the pipeline script beside them as on an installed server.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The family, as `scripts/install` installs it.
pub const TOOLS: [&str; 10] = [
    "backup-db",
    "deploy-queue",
    "deploy-status",
    "deployment-report",
    "post-receive",
    "release",
    "restore-db",
    "rollback",
    "run-step",
    "smoke-test",
];

/// The directory that holds every tool and `deploy`.
pub fn tools_dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(build)
}

/// The path of one tool.
pub fn tool_path(name: &str) -> PathBuf {
    let path = tools_dir().join(name);
    assert!(path.exists(), "there is no tool {}", path.display());
    path
}

fn build() -> PathBuf {
    // target/debug/deps/some_test-0123 → target/debug
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells a test about its package would make build scripts run anew, at every test program.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .args(["build", "--quiet", "--workspace", "--bins", "--locked"])
        .args((profile.ends_with("release")).then_some("--release"))
        .current_dir(&workspace)
        .env("CARGO_TARGET_DIR", profile.parent().expect("a profile lies in a target directory"))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the tools do not build");
    let script = profile.join("deploy");
    if !script.exists() {
        let target = fs::canonicalize(workspace).expect("the workspace is there").join("scripts/deploy");
        // Another test may have been faster: then the link is there, and as good.
        drop(symlink(target, &script));
    }
    profile.to_owned()
}
