//! release stage: what cannot be deployed as it is in the repository is refused, and nothing of it stays.
#![cfg(test)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;

use testkit::{Repository, Sandbox};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
";

fn pushed() -> (Sandbox, Repository) {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("app", "hello");
    repository.push("one");
    (sandbox, repository)
}

/// Main is refused with 78 and this sentence, and leaves nothing behind.
fn refused(sandbox: &Sandbox, said: &str) {
    let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-1").args(["stage", "main"]);
    run.code(78).stderr_has(said).check();
    let left = fs::read_dir(sandbox.root().join("releases")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[test]
fn a_submodule_is_refused_with_its_path() {
    let (sandbox, repository) = pushed();
    let commit = repository.git(&["rev-parse", "HEAD"]);
    repository.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},vendor/some lib")]);
    repository.git(&["commit", "--quiet", "-m", "a submodule"]);
    repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/main"]);
    refused(&sandbox, "vendor/some lib is a submodule, and submodules are not supported\nhint: ");
}

#[test]
fn an_lfs_pointer_is_refused_with_its_path() {
    let (sandbox, repository) = pushed();
    repository.write("media/logo.png", POINTER);
    repository.push("a pointer");
    refused(&sandbox, "media/logo.png is a Git LFS pointer, and LFS is not supported\nhint: ");
}

#[test]
fn an_lfs_pointer_whose_name_is_no_text_is_refused_too() {
    let (sandbox, repository) = pushed();
    fs::write(repository.clone.join(OsStr::from_bytes(b"logo\xff\t\n.png")), POINTER).unwrap();
    repository.push("a pointer");
    refused(&sandbox, "is a Git LFS pointer");
}

#[test]
fn what_only_mentions_lfs_or_links_to_a_pointer_is_no_pointer() {
    let (sandbox, repository) = pushed();
    repository.write("notes.md", format!("Pointers look so:\n{POINTER}"));
    repository.write("large.md", format!("{POINTER}{}", " ".repeat(2000)));
    repository.push("notes");
    symlink(sandbox.write("elsewhere", POINTER), repository.clone.join("link")).unwrap();
    repository.push("a link");
    let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-1").args(["stage", "main"]);
    run.any_stdout().check();
}

#[test]
fn a_tracked_revision_is_refused_whatever_it_is() {
    for kind in ["file", "link", "directory"] {
        let (sandbox, repository) = pushed();
        match kind {
            "file" => repository.write("REVISION", "mine"),
            "link" => symlink("nowhere", repository.clone.join("REVISION")).unwrap(),
            _ => repository.write("REVISION/file", "mine"),
        }
        repository.push(kind);
        refused(&sandbox, "the commit tracks a file REVISION");
    }
}

#[test]
fn a_shared_path_that_the_commit_tracks_is_refused() {
    for (shared, tracked) in
        [("data/", "data/seed.json"), ("data/", "data"), ("config/secrets", "config/secrets"), ("a/b/", "a/b/c")]
    {
        let (sandbox, repository) = pushed();
        repository.write(tracked, "mine");
        repository.push(tracked);
        sandbox.set("SHARED_PATHS", shared);
        sandbox.write("prod/shared/config/secrets", "theirs");
        let name = shared.trim_end_matches('/');
        refused(&sandbox, &format!("SHARED_PATHS holds {name}, but the release has its own {name}"));
    }
}

#[test]
fn a_shared_path_through_a_tracked_file_or_symbolic_link_is_refused() {
    for target in ["..", "/etc", "app", "nowhere"] {
        let (sandbox, repository) = pushed();
        symlink(target, repository.clone.join("var")).unwrap();
        repository.push(target);
        sandbox.set("SHARED_PATHS", "var/data/");
        refused(&sandbox, "SHARED_PATHS holds var/data, but the release has its own var\nhint: ");
    }
}

#[test]
fn a_shared_path_beside_tracked_files_is_fine() {
    let (sandbox, repository) = pushed();
    repository.write("config/app.toml", "tracked");
    repository.push("config");
    sandbox.write("prod/shared/config/secrets.toml", "shared");
    sandbox.set("SHARED_PATHS", "config/secrets.toml data/");
    let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-1").args(["stage", "main"]);
    run.any_stdout().check();
}
