//! The lines of a log that are new, across whatever rotated it meanwhile.

use std::fs::{File, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::path::Path;

use kit::voice::clean_line;

use crate::content::{Content, read_at_most};
use crate::grammar::quantity::{counted, spell};
use crate::log::mark::{End, Mark};
use crate::log::old_lines::numbered;
use crate::log::pieces::pieces;

/// How much of what is new is read.
const NEW: u64 = 4 << 20;

/// How much of the end is read when nobody knows what is new.
const TAIL: u64 = 1 << 20;

/// How much of the last lines is shown.
const END: usize = 2 << 10;

/// What is new in a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct NewLines {
    bytes: Vec<u8>,
    /// What whoever reads of it must know: it was rotated, say.
    notes: Vec<String>,
    /// How much is new, and how much of it was read.
    size: u64,
    read: u64,
}

/// What reading came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Lines(NewLines),
    /// There is no such file.
    Absent,
    /// It is no file.
    Other,
}

impl NewLines {
    /// Each line, without its end.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        pieces(&self.bytes)
    }

    /// The last of them, for a person.
    pub(crate) fn end(&self) -> String {
        let from = self.bytes.len().saturating_sub(END);
        let end = String::from_utf8_lossy(self.bytes.get(from..).unwrap_or_default()).into_owned();
        // The first line is cut.
        let whole = if from == 0 { end.as_str() } else { end.split_once('\n').map_or("", |(_, rest)| rest) };
        whole.trim_end().lines().map(clean_line).collect::<Vec<_>>().join("\n")
    }

    /// How many they are, and what must be known of them.
    pub(crate) fn spell(&self) -> String {
        format!("{}{}", self.count(), self.notes())
    }

    /// That it is none of them.
    pub(crate) fn spell_none(&self) -> String {
        let but = self.unread().map(|unread| format!(", but {unread}")).unwrap_or_default();
        format!("none of {}{but}{}", self.count(), joined(&self.notes))
    }

    /// What must be known of them.
    pub(crate) fn notes(&self) -> String {
        joined(self.notes.iter().chain(self.unread().as_ref()))
    }

    /// Whether all of what is new was read.
    pub(crate) fn is_whole(&self) -> bool {
        self.unread().is_none()
    }

    fn unread(&self) -> Option<String> {
        let is_part = self.read < self.size;
        is_part.then(|| format!("only {} of {} were read", spell(self.read), spell(self.size)))
    }

    fn count(&self) -> String {
        match self.pieces().count() {
            0 => "no new line".to_owned(),
            count => counted(count, "new line", "new lines"),
        }
    }

    fn add(&mut self, mut file: File, metadata: &Metadata, from: u64) -> io::Result<()> {
        if self.bytes.last().is_some_and(|last| *last != b'\n') {
            self.bytes.push(b'\n');
        }
        file.seek(SeekFrom::Start(from))?;
        let bytes = read_at_most(file, NEW.saturating_sub(self.read))?;
        let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.read += read;
        // It may have grown while it was read.
        self.size += metadata.len().saturating_sub(from).max(read);
        self.bytes.extend(bytes);
        Ok(())
    }
}

/// Notes, to be put behind a sentence.
fn joined<'a>(notes: impl IntoIterator<Item = &'a String>) -> String {
    notes.into_iter().flat_map(|note| ["; ", note]).collect()
}

/// Reads what was added to the log since the mark; without a mark, its end.
pub(crate) fn read(path: &Path, mark: Option<&Mark>) -> io::Result<Reading> {
    let now = match Content::open(path)? {
        Content::File(file, metadata) => Some((file, metadata)),
        Content::Absent => None,
        Content::Other => return Ok(Reading::Other),
    };
    let mut lines = NewLines::default();
    match (mark, now) {
        (None, Some((file, metadata))) => lines.add_tail(file, &metadata)?,
        (Some(Mark { end: None, .. }), Some((file, metadata))) => lines.add(file, &metadata, 0)?,
        (Some(Mark { end: Some(end), .. }), Some((file, metadata))) if end.is_in(&metadata) => {
            lines.add_since(end, file, &metadata)?;
        }
        (Some(Mark { end: Some(end), .. }), now) => {
            let rotated = rotated(path, end)?;
            if rotated.is_none() && now.is_none() {
                return Ok(Reading::Absent);
            }
            match rotated {
                Some((file, metadata)) => lines.add_since(end, file, &metadata)?,
                None => lines.notes.push("it is another file than at the beginning".to_owned()),
            }
            if let Some((file, metadata)) = now {
                lines.add(file, &metadata, 0)?;
            }
        }
        (_, None) => return Ok(Reading::Absent),
    }
    Ok(Reading::Lines(lines))
}

impl NewLines {
    /// What was added to the file of the mark; all of it, where that was written anew.
    fn add_since(&mut self, end: &End, file: File, metadata: &Metadata) -> io::Result<()> {
        let follows = end.still_follows(&file, metadata)?;
        if !follows {
            self.notes.push("it was cut short meanwhile".to_owned());
        }
        self.add(file, metadata, if follows { end.size } else { 0 })
    }

    fn add_tail(&mut self, file: File, metadata: &Metadata) -> io::Result<()> {
        let from = metadata.len().saturating_sub(TAIL);
        self.add(file, metadata, from)?;
        let part = "its last MiB, because nothing tells what is new";
        self.notes.push(if from == 0 { "all of it, because nothing tells what is new" } else { part }.to_owned());
        // The first line is cut.
        if let (1.., Some(end)) = (from, self.bytes.iter().position(|byte| *byte == b'\n')) {
            self.bytes.drain(..=end);
        }
        Ok(())
    }
}

/// The file of the mark, where it was renamed.
fn rotated(path: &Path, end: &End) -> io::Result<Option<(File, Metadata)>> {
    Ok(match Content::open(&numbered(path, 1))? {
        Content::File(file, metadata) if end.is_in(&metadata) => Some((file, metadata)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{NEW, Reading, TAIL, read};
    use crate::log::mark::{End, Mark};
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::path::{Path, PathBuf};

    struct Log(tempfile::TempDir, PathBuf);

    impl Log {
        fn new(text: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("app.log");
            fs::write(&path, text).unwrap();
            Self(dir, path)
        }

        fn mark(&self) -> Mark {
            Mark::note("app.log", Some(&self.1)).unwrap()
        }

        fn add(&self, text: &str) {
            OpenOptions::new().append(true).create(true).open(&self.1).unwrap().write_all(text.as_bytes()).unwrap();
        }

        fn rotate(&self) {
            fs::rename(&self.1, self.0.path().join("app.log.1")).unwrap();
        }
    }

    fn lines(path: &Path, mark: Option<&Mark>) -> (Vec<String>, String) {
        let Reading::Lines(lines) = read(path, mark).unwrap() else { panic!("there is no log") };
        let text = lines.pieces().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        (text, lines.notes())
    }

    fn since(log: &Log, mark: &Mark) -> (Vec<String>, String) {
        lines(&log.1, Some(mark))
    }

    fn only(lines: &[&str]) -> (Vec<String>, String) {
        (lines.iter().map(|line| (*line).to_owned()).collect(), String::new())
    }

    #[test]
    fn what_was_there_before_is_not_new() {
        let log = Log::new("old\n");
        let mark = log.mark();
        assert_eq!(since(&log, &mark), only(&[]));
        log.add("one\n\ntwo");
        assert_eq!(since(&log, &mark), only(&["one", "", "two"]));
    }

    #[test]
    fn a_log_that_comes_later_is_new_as_a_whole() {
        let log = Log::new("one\n");
        assert_eq!(since(&log, &Mark::note("app.log", None).unwrap()), only(&["one"]));
        let nowhere = Mark::note("app.log", Some(Path::new("/nowhere"))).unwrap();
        assert_eq!(since(&log, &nowhere), only(&["one"]));
        assert_eq!(read(Path::new("/nowhere"), Some(&nowhere)).unwrap(), Reading::Absent);
    }

    #[test]
    fn a_rotated_log_is_read_from_its_old_file_into_the_new_one() {
        let log = Log::new("old\n");
        let mark = log.mark();
        log.add("one");
        log.rotate();
        assert_eq!(since(&log, &mark), only(&["one"]));
        log.add("two\n");
        assert_eq!(since(&log, &mark), only(&["one", "two"]));
        fs::write(log.0.path().join("app.log.1"), "").unwrap();
        log.rotate();
        log.add("three\n");
        let (new, notes) = since(&log, &mark);
        assert_eq!((new, notes.as_str()), (vec!["three".to_owned()], "; it is another file than at the beginning"));
    }

    #[test]
    fn a_log_that_was_cut_short_is_read_from_its_beginning() {
        let log = Log::new("old\n");
        let mark = log.mark();
        for new in ["new", "new, and longer than before"] {
            fs::write(&log.1, format!("{new}\n")).unwrap();
            assert_eq!(since(&log, &mark), (vec![new.to_owned()], "; it was cut short meanwhile".to_owned()));
        }
        // An older record does not tell what stood there.
        let older = Mark { end: mark.end.clone().map(|end| End { tail: None, ..end }), ..mark.clone() };
        assert_eq!(since(&log, &older), only(&[" and longer than before"]));
        log.rotate();
        let all = vec!["new, and longer than before".to_owned()];
        assert_eq!(since(&log, &mark), (all, "; it was cut short meanwhile".to_owned()));
    }

    #[test]
    fn all_that_was_not_read_of_two_files_is_said() {
        let log = Log::new("");
        let mark = log.mark();
        log.add(&"x".repeat(usize::try_from(NEW).unwrap()));
        log.rotate();
        log.add("y");
        let (new, notes) = since(&log, &mark);
        assert!(new.iter().all(|piece| !piece.contains('y')));
        assert_eq!(notes, "; only 4.1 MB of 4.1 MB were read");
    }

    #[test]
    fn no_more_is_read_than_the_limits_say() {
        let log = Log::new("");
        let mark = log.mark();
        log.add(&"x".repeat(usize::try_from(NEW).unwrap() + 1));
        let (new, notes) = since(&log, &mark);
        assert_eq!((new.len(), new[0].len()), (273, 1 << 14));
        assert_eq!(notes, "; only 4.1 MB of 4.1 MB were read");
        let log = Log::new(&format!("{}\nlast\n", "y".repeat(usize::try_from(TAIL).unwrap())));
        let (new, notes) = lines(&log.1, None);
        assert_eq!(
            (new, notes.as_str()),
            (vec!["last".to_owned()], "; its last MiB, because nothing tells what is new")
        );
    }
}
