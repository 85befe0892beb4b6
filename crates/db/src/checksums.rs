//! `SHA256SUMS`: every file of a set with its hash, in the form that `sha256sum -c` checks.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use kit::{Attempt, Exit, Failure, files};

use crate::deadline::Deadline;
use crate::digest::Digest;
use crate::engine::Format;
use crate::grade;

/// The file of that name.
pub const FILE: &str = "SHA256SUMS";

/// The copied settings files lie in this directory of a set.
pub const CONFIG_DIR: &str = "config";

/// Relative names and their hashes.
pub type Sums = BTreeMap<String, String>;

/// The text of the file: two spaces between hash and name (`sha256sum(1)`). Our own names hold nothing to escape.
#[must_use]
pub fn to_text(sums: &Sums) -> String {
    let lines: Vec<String> = sums.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
    lines.concat()
}

/// Understands that text: 65 for a line that is not ours.
pub fn from_text(text: &str) -> Result<Sums, Failure> {
    let mut sums = Sums::new();
    for line in text.lines() {
        let (hash, name) = line.split_once("  ").unwrap_or_default();
        let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase());
        if !is_hash || name.is_empty() || sums.insert(name.to_owned(), hash.to_owned()).is_some() {
            return Err(damaged(format!("{FILE} has a line that was not written so: {line:?}")));
        }
    }
    Ok(sums)
}

/// The hashes of all files in a set but for `SHA256SUMS` itself and `grade.json`, which changes later. 65 for anything that
/// is neither a regular file nor the directories `config` and that of a dump.
pub fn of_set(set: &Path, deadline: &Deadline) -> Result<Sums, Failure> {
    complete(Sums::new(), set, deadline)
}

/// The same, without reading again the files whose hashes are known: they were taken while those were written.
pub fn complete(known: Sums, set: &Path, deadline: &Deadline) -> Result<Sums, Failure> {
    let mut sums = known;
    let mut names = list(set, "")?;
    for dir in [CONFIG_DIR, Format::Directory.file_name()] {
        if names.iter().any(|name| name == dir) {
            let kind = fs::symlink_metadata(set.join(dir)).attempt(format_args!("look at {dir}"))?;
            if !kind.is_dir() {
                return Err(damaged(format!("{dir} is not a directory")));
            }
            names.retain(|name| name != dir);
            names.extend(list(&set.join(dir), &format!("{dir}/"))?);
        }
    }
    for name in names.into_iter().filter(|name| name != FILE) {
        let path = set.join(&name);
        let kind = fs::symlink_metadata(&path).attempt(format_args!("look at {}", path.display()))?;
        if !kind.is_file() {
            return Err(damaged(format!("{name} is not a regular file")));
        }
        if grade::is_sidecar(&name) || sums.contains_key(&name) {
            continue;
        }
        let digest = Digest::of_file(&path, deadline)?;
        sums.insert(name, digest.sha256);
    }
    Ok(sums)
}

/// The digest of all files in a directory of a set: their whole length, and the hash of the lines that `SHA256SUMS` has of
/// them. And those hashes.
pub fn of_directory(set: &Path, dir: &str, deadline: &Deadline) -> Result<(Digest, Sums), Failure> {
    let mut sums = Sums::new();
    let mut size = 0;
    for name in list(&set.join(dir), &format!("{dir}/"))? {
        let digest = Digest::of_file(&set.join(&name), deadline)?;
        size += digest.size;
        sums.insert(name, digest.sha256);
    }
    Ok((Digest { size, sha256: hash_of(&sums, dir) }, sums))
}

/// The hash of the lines of a directory's files.
pub(crate) fn hash_of(sums: &Sums, dir: &str) -> String {
    let prefix = format!("{dir}/");
    let of_dir = sums.iter().filter(|(name, _)| name.starts_with(&prefix));
    let lines = to_text(&of_dir.map(|(name, hash)| (name.clone(), hash.clone())).collect());
    Digest::of_bytes(lines.as_bytes()).sha256
}

/// Compares what a set holds with what its `SHA256SUMS` says: 65 with the first file that is missing, changed, or
/// does not belong there.
pub fn verify(set: &Path, deadline: &Deadline) -> Result<Sums, Failure> {
    let text = read(set, FILE)?;
    let expected = from_text(&String::from_utf8_lossy(&text))?;
    let found = of_set(set, deadline)?;
    for (name, hash) in &expected {
        match found.get(name) {
            None => return Err(damaged(format!("{name} is missing"))),
            Some(other) if other != hash => {
                return Err(damaged(format!("{name} is not what it was: its hash differs")));
            }
            Some(_) => {}
        }
    }
    match found.keys().find(|name| !expected.contains_key(*name)) {
        Some(name) => Err(damaged(format!("{name} does not belong to it"))),
        None => Ok(expected),
    }
}

/// Reads a text file of a set: 65 when it is missing or no regular file. A link could lead to what is changed later, and
/// a pipe would never end.
pub(crate) fn read(set: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    let path = set.join(name);
    let doing = format!("read {}", path.display());
    let missing = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => damaged(format!("{name} is missing")),
        _ => Failure::io(&doing, &error),
    };
    if !fs::symlink_metadata(&path).map_err(missing)?.is_file() {
        return Err(damaged(format!("{name} is not a regular file")));
    }
    fs::read(&path).map_err(missing)
}

fn list(dir: &Path, prefix: &str) -> Result<Vec<String>, Failure> {
    let doing = format!("list {}", dir.display());
    let mut names = Vec::new();
    for path in files::list(dir).attempt(&doing)? {
        let name = path.file_name().unwrap_or_default();
        names.push(format!("{prefix}{}", name.to_string_lossy()));
    }
    Ok(names)
}

fn damaged(what: String) -> Failure {
    Failure::new(Exit::DAMAGED, what)
}

#[cfg(test)]
mod tests {
    use super::{Sums, from_text, to_text};

    #[test]
    fn sums_survive_writing_and_reading() {
        let sums = Sums::from([("config/app.env".to_owned(), "0a".repeat(32))]);
        let text = to_text(&sums);
        assert_eq!(text, format!("{}  config/app.env\n", "0a".repeat(32)));
        assert_eq!(from_text(&text).unwrap(), sums);
    }

    #[test]
    fn a_line_in_another_form_is_damaged() {
        let hash = "0a".repeat(32);
        for text in [
            "x".to_owned(),
            format!("{hash} one-space"),
            format!("{hash}  "),
            format!("{}  upper", "0A".repeat(32)),
            format!("{hash}  a\n{hash}  a\n"),
            format!("{hash}  a\n\n"),
        ] {
            assert_eq!(from_text(&text).unwrap_err().exit.code(), 65, "{text:?}");
        }
    }
}
