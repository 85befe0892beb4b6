//! The lines that stood in a log before a mark.

use std::ffi::OsString;
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::content::{Content, read_at_most};
use crate::log::mark::{End, Mark};

/// How much of them is read.
const OLD: u64 = 1 << 20;

/// Reads the last of them; nothing where nobody knows which they are. The file of the mark may have been renamed to `PATH.1`
/// meanwhile, and what came before it stands in the next.
pub(crate) fn read(path: &Path, mark: Option<&Mark>) -> io::Result<Vec<u8>> {
    let Some(end) = mark.and_then(|mark| mark.end.as_ref()) else { return Ok(Vec::new()) };
    for number in 0..2 {
        if let Some(mut lines) = tail(&numbered(path, number), Some(end), OLD)? {
            let room = OLD.saturating_sub(u64::try_from(lines.len()).unwrap_or(u64::MAX));
            let mut before = tail(&numbered(path, number + 1), None, room)?.unwrap_or_default();
            before.append(&mut lines);
            return Ok(before);
        }
    }
    Ok(Vec::new())
}

/// The last whole lines of a file, to a place in it that must be there, if one is given.
fn tail(path: &Path, to: Option<&End>, room: u64) -> io::Result<Option<Vec<u8>>> {
    let Content::File(mut file, metadata) = Content::open(path)? else { return Ok(None) };
    let to = match to {
        Some(end) if !end.is_in(&metadata) || !end.still_follows(&file, &metadata)? => return Ok(None),
        Some(end) => end.size,
        None => metadata.len(),
    };
    let from = to.saturating_sub(room);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = read_at_most(file, to - from)?;
    if from > 0 {
        // The first line is cut.
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        bytes.drain(..end);
    }
    Ok(Some(bytes))
}

/// As logrotate(8) calls them: `PATH`, `PATH.1`, `PATH.2`.
pub(super) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    if number > 0 {
        name.push(format!(".{number}"));
    }
    name.into()
}

#[cfg(test)]
mod tests {
    use super::{OLD, read};
    use crate::log::mark::Mark;
    use std::fs;
    use std::path::Path;

    fn text(path: &Path, mark: Option<&Mark>) -> String {
        String::from_utf8(read(path, mark).unwrap()).unwrap()
    }

    #[test]
    fn what_stood_before_the_mark_is_found_also_when_it_was_rotated() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let log = path("app.log");
        fs::write(path("app.log.1"), "older\n").unwrap();
        fs::write(&log, "old\n").unwrap();
        let mark = Mark::note("app.log", Some(&log)).unwrap();
        fs::write(&log, "old\nnew\n").unwrap();
        assert_eq!(text(&log, Some(&mark)), "older\nold\n");
        assert_eq!(text(&log, None), "");
        fs::rename(path("app.log.1"), path("app.log.2")).unwrap();
        fs::rename(&log, path("app.log.1")).unwrap();
        assert_eq!(text(&log, Some(&mark)), "older\nold\n");
        fs::write(&log, "newest\n").unwrap();
        assert_eq!(text(&log, Some(&mark)), "older\nold\n");
        // Cut short: nobody knows what stood there.
        for now in ["", "another\n"] {
            fs::write(path("app.log.1"), now).unwrap();
            assert_eq!(text(&log, Some(&mark)), "");
        }
        assert_eq!(text(&log, Some(&Mark::note("app.log", None).unwrap())), "");
    }

    #[test]
    fn no_more_than_the_last_mib_is_read_and_no_half_line() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("app.log");
        fs::write(&log, format!("{}\nlast\n", "x".repeat(usize::try_from(OLD).unwrap()))).unwrap();
        let mark = Mark::note("app.log", Some(&log)).unwrap();
        assert_eq!(text(&log, Some(&mark)), "last\n");
    }
}
