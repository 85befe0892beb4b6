//! release stage: no attribute of a commit, a repository or a machine changes what is deployed, with any git.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use testkit::{Repository, Sandbox, gits};

/// Every attribute that makes git leave a file out or write it differently.
const ATTRIBUTES: &str = "secret export-ignore
dir export-ignore
version.txt export-subst
*.unix text eol=crlf
*.auto text=auto eol=crlf
*.id ident
*.filtered filter=evil
*.utf16 text working-tree-encoding=UTF-16
";

fn files() -> BTreeMap<&'static str, &'static [u8]> {
    BTreeMap::from([
        (".gitattributes", ATTRIBUTES.as_bytes()),
        ("secret", b"kept"),
        ("dir/file", b"kept"),
        ("version.txt", b"$Format:%H$\n"),
        ("lines.unix", b"a\nb\n"),
        ("lines.auto", b"a\nb\n"),
        ("name.id", b"$Id$\n"),
        ("text.filtered", b"as it was\n"),
        ("text.utf16", b"abc\n"),
    ])
}

fn bare(repository: &Repository) -> String {
    format!("--git-dir={}", repository.bare.display())
}

/// Commits the files with no conversion on the way in, and pushes them.
fn push(repository: &Repository, attributes: &str) {
    for (path, content) in files() {
        repository.write(path, content);
    }
    repository.write(".gitattributes", "");
    repository.commit("as bytes");
    repository.write(".gitattributes", attributes);
    repository.git(&["add", ".gitattributes"]);
    repository.git(&["commit", "--quiet", "--allow-empty", "--message", "with attributes"]);
    repository.git(&["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"]);
}

/// Stages main with each git, and looks at every byte.
fn all_is_staged_as_it_is(sandbox: &Sandbox, attributes: &str) {
    for (number, git) in (1..).zip(gits()) {
        let run = sandbox.tool("release").path_first(&git).env("PUSHBACK_DEPLOY", format!("prod-{number}"));
        let stdout = run.args(["stage", "main"]).any_stdout().check().stdout;
        let release = Path::new(stdout.trim_end());
        for (path, content) in files() {
            let content = if path == ".gitattributes" { attributes.as_bytes() } else { content };
            let staged =
                fs::read(release.join(path)).unwrap_or_else(|error| panic!("{}: {path}: {error}", git.display()));
            assert_eq!(String::from_utf8_lossy(&staged), String::from_utf8_lossy(content), "{}: {path}", git.display());
        }
    }
}

#[test]
fn attributes_in_the_commit_change_nothing() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    push(&repository, ATTRIBUTES);
    repository.git(&[&bare(&repository), "config", "filter.evil.smudge", "touch ran; tr a-z A-Z"]);
    all_is_staged_as_it_is(&sandbox, ATTRIBUTES);
    assert!(!sandbox.path("ran").exists() && !sandbox.root().join("ran").exists());
}

#[test]
fn attributes_in_a_repository_of_sha256_names_change_nothing() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository_of("sha256");
    push(&repository, ATTRIBUTES);
    all_is_staged_as_it_is(&sandbox, ATTRIBUTES);
}

#[test]
fn attributes_of_the_branch_that_head_names_change_nothing() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    push(&repository, ATTRIBUTES);
    repository.git(&["push", "--quiet", "origin", "HEAD:refs/heads/evil"]);
    push(&repository, "");
    repository.git(&[&bare(&repository), "symbolic-ref", "HEAD", "refs/heads/evil"]);
    all_is_staged_as_it_is(&sandbox, "");
}

#[test]
fn attributes_of_the_user_and_of_the_repository_change_nothing() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    push(&repository, "");
    let attributes = sandbox.write("attributes", ATTRIBUTES);
    sandbox.write(".config/git/attributes", ATTRIBUTES);
    sandbox.write(
        ".gitconfig",
        format!(
            "[core]\n\tattributesFile = {}\n\tautocrlf = true\n\teol = crlf\n[tar]\n\tumask = 0777\n",
            attributes.display()
        ),
    );
    all_is_staged_as_it_is(&sandbox, "");
}

#[test]
fn attributes_in_the_repository_s_own_info_change_nothing() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    push(&repository, "");
    sandbox.write("repo.git/info/attributes", ATTRIBUTES);
    all_is_staged_as_it_is(&sandbox, "");
}

#[test]
fn settings_of_a_repository_change_nothing() {
    let sandbox = Sandbox::new();
    let repository = sandbox.repository();
    push(&repository, ATTRIBUTES);
    for (name, value) in [
        ("core.autocrlf", "true"),
        ("core.eol", "crlf"),
        ("core.bare", "false"),
        ("attr.tree", "HEAD"),
        ("tar.umask", "0777"),
        ("filter.evil.smudge", "tr a-z A-Z"),
        ("filter.evil.required", "true"),
    ] {
        repository.git(&[&bare(&repository), "config", name, value]);
    }
    all_is_staged_as_it_is(&sandbox, ATTRIBUTES);
}
