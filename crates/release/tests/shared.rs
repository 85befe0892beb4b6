//! release activate: SHARED_PATHS lead from every release to the same data.
#![cfg(test)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use testkit::{Run, Sandbox, release_of};

fn activate(sandbox: &Sandbox, number: u64) -> Run {
    sandbox.tool("release").args(["activate", &release_of(number)]).any_stdout()
}

fn release(sandbox: &Sandbox, number: u64) -> PathBuf {
    sandbox.root().join("releases").join(release_of(number))
}

#[test]
fn data_outlives_a_release() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.staged(2);
    sandbox.set("SHARED_PATHS", "data/ var/lib/uploads/");
    sandbox.set("RELOAD_COMMAND", "echo $PUSHBACK_COMMIT >> data/log; echo x >> var/lib/uploads/x");
    activate(&sandbox, 1).check();
    activate(&sandbox, 2).check();
    assert_eq!(sandbox.read("prod/shared/data/log").lines().count(), 2);
    assert_eq!(sandbox.read("prod/shared/var/lib/uploads/x"), "x\nx\n");
}

#[test]
fn links_are_relative_so_that_the_environment_can_be_moved() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.write("prod/shared/config/secrets.toml", "key = 1");
    sandbox.set("SHARED_PATHS", "data/ config/secrets.toml a/b/c/");
    activate(&sandbox, 1).check();
    let link = |path: &str| fs::read_link(release(&sandbox, 1).join(path)).unwrap();
    assert_eq!(link("data"), Path::new("../../shared/data"));
    assert_eq!(link("config/secrets.toml"), Path::new("../../../shared/config/secrets.toml"));
    assert_eq!(link("a/b/c"), Path::new("../../../../shared/a/b/c"));
    fs::rename(sandbox.root(), sandbox.path("moved")).unwrap();
    assert_eq!(sandbox.read("moved/current/config/secrets.toml"), "key = 1");
}

#[test]
fn linking_twice_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("SHARED_PATHS", "data/");
    activate(&sandbox, 1).check();
    let link = release(&sandbox, 1).join("data");
    let before = fs::symlink_metadata(&link).unwrap().ino();
    activate(&sandbox, 1).check();
    assert_eq!(fs::symlink_metadata(&link).unwrap().ino(), before);
    // Not a link within the directory that the first link leads to.
    assert_eq!(fs::read_dir(sandbox.path("prod/shared/data")).unwrap().count(), 0);
}

#[test]
fn a_shared_directory_is_made_private_and_an_existing_one_left_as_it_is() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    sandbox.set("SHARED_PATHS", "new/ old/");
    let old = sandbox.path("prod/shared/old");
    fs::create_dir_all(&old).unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o755)).unwrap();
    activate(&sandbox, 1).check();
    let mode = |name: &str| fs::metadata(sandbox.path("prod/shared").join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("new"), mode("old")), (0o700, 0o755));
}

#[test]
fn a_shared_file_that_is_missing_keeps_what_is_live() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.staged(2);
    sandbox.set("SHARED_PATHS", "secrets.toml");
    let run = sandbox.tool("release").args(["activate", &release_of(2)]).code(78);
    run.stderr_has("SHARED_PATHS holds secrets.toml, but there is no ").stderr_has("hint: put the file there").check();
    assert_eq!(sandbox.live(), release_of(1));
}

#[test]
fn a_file_of_the_release_is_never_replaced_by_a_link() {
    let sandbox = Sandbox::new();
    sandbox.staged(1);
    let built = format!("prod/releases/{}/data/built", release_of(1));
    sandbox.write(&built, "by BUILD_COMMAND");
    sandbox.set("SHARED_PATHS", "data/");
    let run = sandbox.tool("release").args(["activate", &release_of(1)]).code(78);
    run.stderr_has("the release has its own data").check();
    assert_eq!(sandbox.read(&built), "by BUILD_COMMAND");
}
