//! What is restored: a backup of ours, which its manifest vouches for, or a file of somebody else's.

use std::fs::File;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use db::manifest::Census;
use db::{Codec, Deadline, Format, Set, Store, Trust, Unpacker, Url, packing, sqlite};
use kit::quantity::size;
use kit::settings::Settings;
use kit::stdin::Stdin;
use kit::{Attempt, Context, Exit, Failure, clock, files};

use crate::choice::Choice;
use crate::feeder::Feeder;

/// What stands for standard input.
pub(crate) const STDIN: &str = "-";

const READ_STDIN: &str = "read standard input";

/// What every SQLite database begins with ("Database File Format", 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What an archive of `pg_dump -Fc` begins with.
const ARCHIVE: &[u8] = b"PGDMP";

/// What every archive of `pg_dump -Fd` holds.
const CONTENTS: &str = "toc.dat";

/// How much of standard input is looked at: more than a block of zstd (RFC 8878, 3.1.1.2.4), which decodes only when it is whole.
const START: u64 = 256 * 1024;

/// Where the content comes from.
pub(crate) enum Source {
    /// A backup whose files are what they were.
    Set(Box<Set>),
    /// A file that another program made, compressed or not; or a directory, by `pg_dump -Fd`.
    File(PathBuf),
    /// The same on standard input, with what was read of it to see what it is.
    Stdin(Vec<u8>),
}

impl Source {
    /// What the arguments mean: 2 for a file of another program without `--unverified`, 66 for one that is not there, else as
    /// [`Set::open`].
    pub(crate) fn find(
        choice: &Choice,
        store: &Store,
        url: &Url,
        settings: &Settings,
        deadline: &Deadline,
    ) -> Result<Self, Failure> {
        if choice.is_stdin() {
            let mut start = Vec::new();
            packing::decode(&mut stdin(deadline)?.take(START), Codec::None, &mut start, READ_STDIN, deadline)?;
            return Ok(Self::Stdin(start));
        }
        let path = choice.set(store, url, settings)?;
        if path.is_file() {
            let name = path.display().to_string();
            return choice.unverified.then_some(Self::File(path)).ok_or_else(|| unvouched(&name));
        }
        if choice.unverified && !path.exists() {
            return Err(Failure::new(Exit::ABSENT, format!("there is no file {}", path.display())));
        }
        if choice.unverified && matches!(url, Url::Postgres(_)) && path.join(CONTENTS).is_file() {
            return Ok(Self::File(path));
        }
        if choice.unverified {
            let message = format!("--unverified is for files of other programs, and {} is none", path.display());
            return Err(Failure::new(Exit::USAGE, message).hint("leave it away: a backup is always verified"));
        }
        Set::open(&path, deadline).map(|set| Self::Set(Box::new(set)))
    }

    /// The backup, if it is one.
    pub(crate) fn set(&self) -> Option<&Set> {
        match self {
            Self::Set(set) => Some(set),
            Self::File(_) | Self::Stdin(_) => None,
        }
    }

    /// Says of what is damaged that it is this backup; of what another program made, whoever asked knows where it is from.
    pub(crate) fn blame(&self, failure: Failure) -> Failure {
        match self.set() {
            Some(set) => set.blame(failure),
            None => failure,
        }
    }

    /// Whether anybody vouches for it.
    pub(crate) fn trust(&self) -> Trust {
        if self.set().is_some() { Trust::Verified } else { Trust::Unverified }
    }

    /// Decompresses all of it into `to`: 65 for what is damaged. What was written before a failure is good for nothing.
    pub(crate) fn pour(&self, to: &mut impl Write, deadline: &Deadline, cx: &Context) -> Result<(), Failure> {
        let expected = self.set().map(|set| set.manifest().raw.size);
        let to = &mut cx.meter("unpacked").expecting(expected).watch(to);
        match self {
            Self::Set(set) => set.unpack(to, deadline),
            Self::File(path) => {
                let doing = format!("read {}", path.display());
                decode(File::open(path).attempt(&doing)?, to, &doing, deadline)
            }
            Self::Stdin(start) => decode(start.chain(stdin(deadline)?), to, READ_STDIN, deadline),
        }
    }

    /// Refuses a backup that would have no room in this directory, unpacked: 74, before anything is written. How large a file of
    /// another program becomes is seen on the way.
    pub(crate) fn require_room(&self, dir: &Path) -> Result<(), Failure> {
        let needed = self.set().map_or(0, |set| set.manifest().raw.size);
        let free = files::free(dir)?;
        if free >= needed {
            return Ok(());
        }
        let (dir, needed, free) = (dir.display(), size(needed), size(free));
        let message = format!("there is no room to unpack the backup in {dir}: it needs {needed}, and {free} is free");
        Err(Failure::new(Exit::IO, message).hint("nothing was touched; make room first"))
    }

    /// Whether it is an archive for `pg_restore`.
    pub(crate) fn is_archive(&self) -> Result<bool, Failure> {
        match self {
            Self::Set(set) => Ok(matches!(set.manifest().format, Format::Custom | Format::Directory)),
            Self::File(_) | Self::Stdin(_) => Ok(self.directory().is_some() || self.begins_with(ARCHIVE)?),
        }
    }

    /// The directory of an archive in many files.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        match self {
            Self::Set(set) => {
                let path = set.path().join(&set.manifest().file);
                (set.manifest().format == Format::Directory).then_some(path)
            }
            Self::File(path) => path.is_dir().then(|| path.clone()),
            Self::Stdin(_) => None,
        }
    }

    /// Whether what another program made begins so, once it is decompressed.
    fn begins_with(&self, magic: &[u8]) -> Result<bool, Failure> {
        let doing = format!("read {}", self.name());
        let from: Box<dyn Read + '_> = match self {
            Self::Set(_) => return Ok(false),
            Self::File(path) => Box::new(File::open(path).attempt(&doing)?),
            Self::Stdin(start) => Box::new(start.as_slice()),
        };
        let (codec, from) = detect(from, &doing)?;
        let mut start = Vec::new();
        // What does not decode is met again when all of it is read.
        drop(Unpacker::new(codec, 1, from).take(magic.len() as u64).read_to_end(&mut start));
        Ok(start == magic)
    }

    /// Makes a SQLite database of it in an empty file, whole or with a failure: 65 for what is damaged, or neither a database
    /// nor a dump of one.
    pub(crate) fn unpack(&self, to: &mut File, path: &Path, deadline: &Deadline, cx: &Context) -> Result<(), Failure> {
        if self.set().is_some() || self.begins_with(MAGIC)? {
            return self.pour(to, deadline, cx);
        }
        let mut load = sqlite::Load::begin(path, deadline)?;
        Feeder::run(self, |bytes| load.feed(bytes).map_err(|failure| self.no_database(failure)), deadline, cx)?;
        load.finish().map_err(|failure| self.no_database(failure))
    }

    fn no_database(&self, failure: Failure) -> Failure {
        if failure.exit != Exit::DAMAGED {
            return failure;
        }
        let message = format!("there is no SQLite database in {}, nor a whole dump: {}", self.name(), failure.message);
        Failure { message, ..failure }
    }

    /// Looks the unpacked copy over, and at what the manifest says of it: 65 when it is not sound. Returns its tables.
    pub(crate) fn examine(&self, copy: &Path, deadline: &Deadline) -> Result<Census, Failure> {
        match self {
            Self::Set(set) => set.compare(copy, deadline).map(|()| set.manifest().tables.clone()),
            Self::File(_) | Self::Stdin(_) => sqlite::inspect(copy, deadline).map_err(|failure| match failure.exit {
                Exit::DAMAGED => Failure::new(Exit::DAMAGED, format!("{} is damaged", self.name())),
                _ => failure,
            }),
        }
    }

    /// `the backup /srv/…/2026-11-21T10-15-00Z of 2026-11-21T10:15:00.123Z`.
    pub(crate) fn spell(&self) -> String {
        match self {
            Self::Set(set) => {
                format!("the backup {} of {}", set.path().display(), clock::rfc3339(set.manifest().created_at))
            }
            Self::File(path) => format!("the file {}, for which nobody vouches", path.display()),
            Self::Stdin(_) => "standard input, for which nobody vouches".to_owned(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Set(set) => set.path().display().to_string(),
            Self::File(path) => path.display().to_string(),
            Self::Stdin(_) => "standard input".to_owned(),
        }
    }

    /// Puts what is known of it into the record.
    pub(crate) fn record(&self, cx: &mut Context) {
        match self {
            Self::Set(set) => {
                let manifest = set.manifest();
                cx.detail("backup", set.path().display().to_string());
                cx.detail("backup_created_at", clock::rfc3339(manifest.created_at));
                cx.detail("size_raw", manifest.raw.size);
                cx.detail("sha256", manifest.stored.sha256.as_str());
            }
            Self::File(path) => cx.detail("file", path.display().to_string()),
            Self::Stdin(_) => cx.detail("file", STDIN),
        }
    }
}

pub(crate) fn unvouched(what: &str) -> Failure {
    Failure::new(
        Exit::USAGE,
        format!("{what} is no backup of ours: nothing says whether it is whole, or of which database"),
    )
    .hint("say --unverified to restore it all the same; it is looked over as far as that is possible")
}

fn stdin(deadline: &Deadline) -> Result<Stdin, Failure> {
    Stdin::within(deadline.remaining()).attempt(READ_STDIN)
}

/// Decompresses by what the first bytes say.
fn decode(from: impl Read, to: &mut impl Write, doing: &str, deadline: &Deadline) -> Result<(), Failure> {
    let (codec, mut from) = detect(from, doing)?;
    packing::decode(&mut from, codec, to, doing, deadline).map(drop)
}

/// Looks at the first bytes, and gives back a reader of all of them.
fn detect(mut from: impl Read, doing: &str) -> Result<(Codec, impl Read), Failure> {
    let mut start = Vec::new();
    from.by_ref().take(4).read_to_end(&mut start).attempt(doing)?;
    Ok((Codec::detect(&start), Cursor::new(start).chain(from)))
}

/// `4.2 MB, 3 tables, 12 rows`.
pub(crate) fn contents(bytes: u64, tables: &Census) -> String {
    let plural = |number: u64, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let rows: u64 = tables.values().sum();
    format!("{}, {}, {}", size(bytes), plural(tables.len() as u64, "table"), plural(rows, "row"))
}
