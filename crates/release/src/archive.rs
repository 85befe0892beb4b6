//! A commit's files, byte for byte as they are in the repository: no export attribute leaves a file out or rewrites
//! one, no filter and no line-ending conversion runs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::failure::Attempt;
use kit::git::Repository;
use kit::process::Program;
use kit::{Exit, Failure};

/// Unpacking waits for the local disk only.
const DEADLINE: Duration = Duration::from_secs(600);

/// What attributes and line endings the user's git config could add (gitattributes(5), git-archive(1)).
const NEUTRAL: [&str; 8] =
    ["-c", "core.attributesFile=/dev/null", "-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "tar.umask=0022"];

/// How a Git LFS pointer begins (git-lfs specification, "The Pointer").
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

/// A pointer is small; what is larger is a real file.
const LFS_POINTER_MAX: u64 = 1024;

/// Unpacks a commit into `dir`, which must not exist. Submodules and LFS pointers are refused: they would be missing.
pub(crate) fn extract(repository: &Repository, commit: &str, dir: &Path) -> Result<(), Failure> {
    refuse_submodules(repository, commit)?;
    fs::create_dir(dir).attempt(format_args!("make the directory {}", dir.display()))?;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
        .attempt(format_args!("open {} to the app", dir.display()))?;
    let tar = dir.with_extension("tar");
    let output = format!("--output={}", tar.display());
    let archive = ["archive", "--format=tar", "--worktree-attributes", &output, commit];
    let blank = blank(repository, &dir.with_extension("git"))?;
    blank.ask(NEUTRAL.iter().chain(&archive))?;
    fs::remove_dir_all(blank.path()).attempt(format_args!("remove {}", blank.path().display()))?;
    let unpacked = Program::find("tar")?
        .args(["--extract", "--no-same-owner", "--preserve-permissions", "--file"])
        .arg(&tar)
        .arg("--directory")
        .arg(dir)
        .deadline(DEADLINE)
        .run()?;
    if !unpacked.status.is_success() {
        // tar says the cause first, and last only that there was one.
        let said = String::from_utf8_lossy(&unpacked.stderr);
        let cause = said.lines().next().map_or_else(|| unpacked.status.spell(), str::to_owned);
        return Err(Failure::new(Exit::IO, format!("cannot unpack {commit}: {cause}")));
    }
    fs::remove_file(&tar).attempt(format_args!("remove {}", tar.display()))?;
    refuse_lfs_pointers(repository, commit, dir)
}

/// A repository of the same objects and nothing else: no `info/attributes`, no config, no HEAD whose attributes newer
/// gits would read (`attr.tree`). With `--worktree-attributes` git looks for those of a work tree instead of the
/// commit's, and a bare repository has none.
fn blank(repository: &Repository, path: &Path) -> Result<Repository, Failure> {
    let format = repository.ask(["rev-parse", "--show-object-format"])?;
    let objects = repository.ask(["rev-parse", "--path-format=absolute", "--git-path", "objects"])?;
    let format = format!("--object-format={format}");
    repository.ask(["init", "--quiet", "--bare", "--template=", &format, &path.to_string_lossy()])?;
    let alternates = path.join("objects/info/alternates");
    fs::write(&alternates, format!("{objects}\n")).attempt(format_args!("write {}", alternates.display()))?;
    Ok(Repository::at(path))
}

fn refuse_submodules(repository: &Repository, commit: &str) -> Result<(), Failure> {
    match entries(repository, commit)?.into_iter().find(|entry| entry.kind == "commit") {
        None => Ok(()),
        Some(entry) => {
            let message = format!("{} is a submodule, and submodules are not supported", entry.path.display());
            Err(Failure::new(Exit::SETTINGS, message).hint("commit the files themselves, for example with git subtree"))
        }
    }
}

fn refuse_lfs_pointers(repository: &Repository, commit: &str, dir: &Path) -> Result<(), Failure> {
    let small = |entry: &Entry| entry.size.is_some_and(|size| size <= LFS_POINTER_MAX);
    for entry in entries(repository, commit)?.iter().filter(|entry| small(entry)) {
        let path = dir.join(&entry.path);
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) && begins_as_pointer(&path)? {
            let message = format!("{} is a Git LFS pointer, and LFS is not supported", entry.path.display());
            return Err(Failure::new(Exit::SETTINGS, message).hint("commit the file itself: git lfs migrate export"));
        }
    }
    Ok(())
}

fn begins_as_pointer(path: &Path) -> Result<bool, Failure> {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LFS_POINTER.len() as u64).read_to_end(&mut start))
        .attempt(format_args!("read {}", path.display()))?;
    Ok(start == LFS_POINTER)
}

/// One file of a commit.
struct Entry {
    kind: String,
    size: Option<u64>,
    path: PathBuf,
}

/// All files of a commit (`git ls-tree -r -l -z`: mode, kind, object, size, a tab, the path in bytes of any kind).
fn entries(repository: &Repository, commit: &str) -> Result<Vec<Entry>, Failure> {
    let listed = repository.run(&["ls-tree", "-r", "-l", "-z", "--full-tree", commit])?;
    if !listed.status.is_success() {
        let message = format!("git ls-tree failed in {}: {}", repository.path().display(), listed.last_words());
        return Err(Failure::new(Exit::IO, message));
    }
    let parse = |line: &[u8]| -> Option<Entry> {
        let (facts, path) = line.split_at_checked(line.iter().position(|byte| *byte == b'\t')?)?;
        let mut facts = str::from_utf8(facts).ok()?.split_whitespace();
        Some(Entry {
            kind: facts.nth(1)?.to_owned(),
            size: facts.nth(1)?.parse().ok(),
            path: OsStr::from_bytes(path.get(1..)?).into(),
        })
    };
    Ok(listed.stdout.split(|byte| *byte == 0).filter_map(parse).collect())
}
