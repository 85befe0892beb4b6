//! release stage: every commit byte for byte, or not at all.
#![cfg(test)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use testkit::{Repository, Run, Sandbox, gits};

fn stage(sandbox: &Sandbox) -> Run {
    let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", "prod-1");
    run.args(["stage", "main"])
}

/// Stages the tip of main and returns the release's directory.
fn staged(run: Run) -> PathBuf {
    PathBuf::from(run.any_stdout().check().stdout.trim_end())
}

/// The tree that git makes of a release's files: equal to the commit's when every name, mode and byte is.
fn tree_of(release: &Path, repository: &Repository) -> String {
    let index = format!("--git-dir={}", release.with_extension("git").display());
    let hash = repository.git(&["rev-parse", "--show-object-format"]);
    let work_tree = format!("--work-tree={}", release.display());
    let git = |args: &[&str]| repository.git(&[&[&*index, &*work_tree], args].concat());
    git(&["init", "--quiet", &format!("--object-format={hash}")]);
    git(&["add", "--all", "--force", "--", ":(exclude,top)REVISION", &release.display().to_string()]);
    let tree = git(&["write-tree"]);
    fs::remove_dir_all(release.with_extension("git")).unwrap();
    tree
}

#[test]
fn modes_and_symbolic_links_are_kept_whatever_the_umask() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("bin/run", "#!/bin/sh\n");
    repository.write("bin/plain", "text");
    fs::set_permissions(repository.clone.join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
    for (link, target) in
        [("to-file", "bin/plain"), ("to-dir", "bin"), ("dangling", "nowhere"), ("away", "/etc/passwd")]
    {
        symlink(target, repository.clone.join(link)).unwrap();
    }
    repository.push("one");
    for (number, umask) in [(1, "077"), (2, "000")] {
        let shell = sandbox.program("/bin/sh".as_ref()).env("PUSHBACK_ENV", sandbox.env_file());
        let shell = shell.env("PUSHBACK_DEPLOY", format!("prod-{number}"));
        let script = format!("umask {umask}; exec \"$0\" stage main");
        let release = staged(shell.arg("-c").arg(script).arg(testkit::tool_path("release")));
        let mode = |path: &str| fs::metadata(release.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!([mode("bin/run"), mode("bin/plain"), mode("bin"), mode("")], [0o755, 0o644, 0o755, 0o755]);
        assert_eq!(fs::read_link(release.join("away")).unwrap(), Path::new("/etc/passwd"));
        assert_eq!(tree_of(&release, &repository), repository.git(&["rev-parse", "HEAD^{tree}"]));
    }
}

/// File names that break programs which read lines, words or options.
fn evil_names() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        "line\nbreak",
        "\n",
        "quote\"",
        "quote'",
        "back\\slash",
        "-rf",
        "--help",
        "--to-command=touch ran",
        " ",
        " leading",
        "trailing ",
        "tab\there",
        "*",
        "?[a]",
        "$(touch ran)",
        "`touch ran`",
        ";touch ran",
        "#",
        "~",
        ":",
        ":(top)",
        "bell\u{7}",
        "esc\u{1b}[31m",
        "ünïcödé",
        "日本語",
        "u\u{308}",
        "bidi\u{202e}txt",
        ".hidden",
        "...",
        "@file",
        "=",
        "C:\\x",
        "nul",
        "REVISION.txt",
        "a/-",
        "-/a",
        "deep/\n/x",
        ".stage-1-abcdef0/file",
    ]
    .map(|name| name.as_bytes().to_vec())
    .to_vec();
    names.push(b"not\xffutf8\xfe".to_vec());
    names.push([b'x'; 255].to_vec());
    names.push([&[b'd'; 120][..]; 16].join(&b'/'));
    names.push([&b"y"[..], &[0xc3, 0xa9].repeat(60)].concat());
    names
}

#[test]
fn an_evil_commit_is_staged_exactly() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    for name in evil_names() {
        let path = repository.clone.join(OsStr::from_bytes(&name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &name).unwrap();
        symlink(
            OsStr::from_bytes(&name),
            repository.clone.join(format!("link-{}", name.len() * 1000 + usize::from(name[0]))),
        )
        .unwrap_or_default();
    }
    repository.push("évil \"subject\"\n\nbody");
    let listed = repository.git(&["ls-tree", "-r", "-z", "--name-only", "HEAD"]);
    assert!(listed.split('\0').count() > evil_names().len());
    for (number, git) in (1..).zip(gits()) {
        let run = sandbox.tool("release").path_first(&git).env("PUSHBACK_DEPLOY", format!("prod-{number}"));
        let release = staged(run.args(["stage", "main"]));
        assert_eq!(tree_of(&release, &repository), repository.git(&["rev-parse", "HEAD^{tree}"]));
        for name in evil_names() {
            assert_eq!(fs::read(release.join(OsStr::from_bytes(&name))).unwrap(), name);
        }
        assert!(!sandbox.path("ran").exists() && !release.join("ran").exists());
    }
}

#[test]
fn a_large_file_an_empty_one_and_every_byte_are_staged_exactly() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    let every_byte: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    repository.write("large", &every_byte);
    repository.write("empty", "");
    repository.write("no-newline", "a\r\nb\rc");
    repository.push("one");
    let release = staged(stage(&sandbox));
    assert_eq!(tree_of(&release, &repository), repository.git(&["rev-parse", "HEAD^{tree}"]));
    assert!(fs::read(release.join("large")).unwrap() == every_byte);
}

#[test]
fn a_repository_of_sha256_names_is_deployed_like_any_other() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository_of("sha256");
    repository.write("app", "hello");
    repository.write(".gitattributes", "app export-ignore\n");
    let (commit, _) = repository.push("one");
    assert_eq!(commit.len(), 64);
    let release = staged(stage(&sandbox));
    assert_eq!(fs::read_to_string(release.join("REVISION")).unwrap().trim(), commit);
    assert_eq!(tree_of(&release, &repository), repository.git(&["rev-parse", "HEAD^{tree}"]));
    let name = release.file_name().unwrap().to_str().unwrap().to_owned();
    sandbox.tool("release").args(["activate", &name]).any_stdout().check();
    assert_eq!(sandbox.live(), name);
}

#[test]
fn whatever_names_a_commit_can_be_staged() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("app", "one");
    let (commit, _) = repository.push("one");
    repository.git(&["tag", "light"]);
    repository.git(&["tag", "-a", "-m", "signed off", "v1.0"]);
    repository.git(&["tag", "-a", "-m", "of a tag", "v1.0-again", "v1.0"]);
    repository.git(&["push", "--quiet", "--tags", "origin", "HEAD:refs/heads/-rf", "HEAD:refs/heads/refs/heads/main"]);
    let names =
        ["main", "light", "v1.0", "v1.0-again", &commit, &commit[..9], "refs/heads/-rf", "refs/heads/refs/heads/main"];
    for (number, name) in (1..).zip(names) {
        let run = sandbox.tool("release").env("PUSHBACK_DEPLOY", format!("prod-{number}"));
        let release = staged(run.args(["stage", "--", name]));
        assert_eq!(fs::read_to_string(release.join("REVISION")).unwrap().trim(), commit, "{name}");
    }
}

#[test]
fn a_hook_s_environment_and_replaced_objects_lead_nowhere_else() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("app", "good");
    let (good, _) = repository.push("good");
    repository.write("app", "evil");
    let (evil, _) = repository.push("evil");
    repository.git(&["push", "--quiet", "--force", "origin", &format!("{good}:refs/heads/main")]);
    let bare = format!("--git-dir={}", repository.bare.display());
    repository.git(&[&bare, "replace", &good, &evil]);
    let run = stage(&sandbox).env("GIT_DIR", "/nonexistent").env("GIT_OBJECT_DIRECTORY", "/nonexistent");
    let release = staged(run.env("GIT_CONFIG_COUNT", "nonsense"));
    assert_eq!(fs::read_to_string(release.join("app")).unwrap(), "good");
}

#[test]
fn nobody_else_may_change_a_release_whatever_the_umask() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    repository.write("file", "x");
    let (commit, _) = repository.push("one");
    let release = testkit::tool_path("release");
    let script = format!("umask 000; exec {} stage {commit}", release.display());
    let stage = sandbox.program("/bin/sh".as_ref()).args(["-c", &script]).env("PUSHBACK_ENV", sandbox.env_file());
    stage.env("PUSHBACK_DEPLOY", "prod-1").any_stdout().check();
    let loose = sandbox.program("find".as_ref()).arg(sandbox.root().join("releases")).args(["-perm", "/022"]);
    loose.check();
}
