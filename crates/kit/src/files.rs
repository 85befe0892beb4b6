//! Durable files: a result gets its name only when it is complete and on disk.
//!
//! `rename(2)` replaces atomically; what was renamed survives a power cut only after `fsync` of the file *and* of its
//! directory (`fsync(2)`, NOTES).

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process;

use rustix::fs::{Dir, OFlags};

use crate::failure::{Attempt, Failure};

/// Writes a file that others cannot read (0600), whole or not at all: after an error or a crash the old content is
/// still there.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    replace(path, content, 0o600)
}

/// The same of a file that others may read as far as the umask lets them: what another program takes up, a collector of
/// metrics say.
pub fn write_public(path: &Path, content: &[u8]) -> Result<(), Failure> {
    replace(path, content, 0o666)
}

fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), Failure> {
    let beside = beside(path);
    let written = create_with(&beside, mode)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path))
        .and_then(|()| sync_parent(path));
    if written.is_err() {
        drop(fs::remove_file(&beside));
    }
    written.attempt(format_args!("write {}", path.display()))
}

/// Opens a file to read it, at once: where somebody put a FIFO in its place, nobody waits for its other end. The caller
/// looks whether it is a regular file.
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// The failure of a file that has to be a regular one.
#[must_use]
pub fn irregular() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

/// Creates a file for writing that others cannot read (0600 whatever the umask), replacing what a killed run left.
pub fn create(path: &Path) -> io::Result<File> {
    create_with(path, 0o600)
}

fn create_with(path: &Path, mode: u32) -> io::Result<File> {
    remove_stale(path)?;
    OpenOptions::new().write(true).read(true).create_new(true).mode(mode).open(path)
}

/// Makes a directory and its missing parents, each 0700 whatever the umask. One that exists is left as it is.
pub fn make_private_dir(path: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .attempt(format_args!("make the directory {}", path.display()))
}

/// How many bytes this user can still write to the file system of a directory (`statvfs(3)`; what is reserved is for root); of
/// the nearest directory above it that is there. No limit where the file system does not say how large it is.
pub fn free(dir: &Path) -> Result<u64, Failure> {
    let there = dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let doing = format!("ask how much room there is in {}", there.display());
    let found = rustix::fs::statvfs(there).map_err(io::Error::from).attempt(doing)?;
    let blocks = if rustix::process::geteuid().is_root() { found.f_bfree } else { found.f_bavail };
    Ok(if found.f_blocks == 0 { u64::MAX } else { blocks.saturating_mul(found.f_frsize) })
}

/// Makes a directory and its missing parents that others may enter and not change (0755 less the umask), as an app's
/// files need.
pub fn make_dir(path: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .attempt(format_args!("make the directory {}", path.display()))
}

/// The paths of what a directory holds, in no order. A directory that cannot be closed is as good as another, while
/// `std::fs::ReadDir` panics on it.
pub fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let opened = OpenOptions::new().read(true).custom_flags(OFlags::DIRECTORY.bits().cast_signed()).open(dir)?;
    let mut paths = Vec::new();
    for entry in Dir::new(opened)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            paths.push(dir.join(name));
        }
    }
    Ok(paths)
}

/// Removes a private directory with all that it holds; symbolic links are removed, not followed.
pub fn remove_tree(dir: &Path) -> io::Result<()> {
    for path in list(dir)? {
        if path.symlink_metadata()?.is_dir() {
            remove_tree(&path)?;
        } else {
            fs::remove_file(&path)?;
        }
    }
    fs::remove_dir(dir)
}

/// Points a symbolic link at `target`, atomically: a reader sees the old target or the new one, never none.
pub fn point(link: &Path, target: &Path) -> Result<(), Failure> {
    let beside = beside(link);
    let pointed = remove_stale(&beside)
        .and_then(|()| symlink(target, &beside))
        .and_then(|()| fs::rename(&beside, link))
        .and_then(|()| sync_parent(link));
    pointed.attempt(format_args!("point {} at {}", link.display(), target.display()))
}

/// Gives a complete file or directory its final name, durably.
pub fn publish(from: &Path, to: &Path) -> Result<(), Failure> {
    fs::rename(from, to).and_then(|()| sync_parent(to)).attempt(format_args!(
        "rename {} to {}",
        from.display(),
        to.display()
    ))
}

/// Flushes a directory, so that the names in it survive a power cut.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Flushes everything written to the file system that holds `path` (`syncfs(2)`): for a tree of many files.
pub fn sync_tree(path: &Path) -> Result<(), Failure> {
    File::open(path)
        .and_then(|dir| rustix::fs::syncfs(dir).map_err(io::Error::from))
        .attempt(format_args!("flush {}", path.display()))
}

/// A hidden name beside `path` for the time until it is complete. It holds the process id, so that two tools that run
/// at once do not share it.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", process::id()))
}

fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        _ => sync_dir(Path::new(".")),
    }
}

#[cfg(test)]
mod tests {
    use super::{list, make_private_dir, point, remove_tree, write};
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    #[test]
    fn a_written_file_is_private_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_moves_from_one_target_to_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("current");
        point(&link, Path::new("releases/1")).unwrap();
        point(&link, Path::new("releases/2")).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("releases/2"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_tree_is_removed_and_what_its_links_point_at_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, kept) = (dir.path().join("tree"), dir.path().join("kept"));
        fs::create_dir_all(tree.join("inner")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "").unwrap();
        fs::write(tree.join("inner/file"), "").unwrap();
        std::os::unix::fs::symlink(&kept, tree.join("link")).unwrap();
        remove_tree(&tree).unwrap();
        assert_eq!(list(dir.path()).unwrap(), std::slice::from_ref(&kept));
        assert_eq!(list(&kept).unwrap(), [kept.join("file")]);
        assert_eq!(list(&kept.join("file")).unwrap_err().kind(), std::io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_private_directory_is_private() {
        let dir = tempfile::tempdir().unwrap();
        make_private_dir(&dir.path().join("a/b")).unwrap();
        let mode = fs::metadata(dir.path().join("a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
