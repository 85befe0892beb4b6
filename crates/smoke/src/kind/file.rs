//! A file: whether it is there, how large, how old, who may read it, and what stands in it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::{Failure, clock};

use crate::content::{Content, is_absent, read_text};
use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::quantity::{self, Quantity};
use crate::grammar::relation::Relation;
use crate::grammar::text::{Match, Seen};
use crate::kind::Subject;
use crate::trial::Conditions;

/// How much of a file is looked at.
const CONTENT: u64 = 1 << 20;

/// A check of a file.
#[derive(Debug)]
struct NamedFile {
    path: PathBuf,
    expectations: Expectations<FileAssertion>,
}

/// What was seen of a file or directory.
#[derive(Debug)]
pub(crate) struct Look {
    /// In bytes; only a regular file has one.
    size: Option<u64>,
    /// In seconds; less than nothing when the clock was set back.
    age: i64,
    mode: u32,
    /// The first MiB, where somebody looks at it.
    content: String,
    /// Whether it goes on.
    cut: bool,
}

/// Takes the keys of a file check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let path = keys.required("path", "the path of a file")?;
    if path.is_empty() {
        return Err(keys.wrong_at("path", "`path` is empty"));
    }
    let expectations: Expectations<FileAssertion> = keys.expectations()?;
    let alone = |assertion: &_| matches!(assertion, FileAssertion::Missing);
    expectations.alone("missing", alone).map_err(|wrong| keys.wrong_at("expect", wrong))?;
    Ok(Box::new(NamedFile { path: path.into(), expectations }))
}

impl Subject for NamedFile {
    fn spell(&self) -> String {
        self.path.display().to_string()
    }

    fn look(&self, _timeout: Duration, conditions: &Conditions) -> Finding {
        let path = conditions.dir.join(&self.path);
        let wants_none = self.expectations.assertions().any(|one| matches!(one, FileAssertion::Missing));
        match fs::metadata(&path) {
            Ok(metadata) => self.judge(&path, &metadata),
            Err(error) if is_absent(&error) && wants_none => Finding::good("it is missing"),
            Err(error) if is_absent(&error) => Finding::bad(format!("there is no file {}", path.display())),
            Err(error) => unseen(format_args!("look at {}", path.display()), &error),
        }
    }
}

impl NamedFile {
    fn judge(&self, path: &Path, metadata: &Metadata) -> Finding {
        let mut look = Look::of(metadata);
        if self.expectations.assertions().any(FileAssertion::looks_inside) {
            match Content::open(path) {
                Ok(Content::File(file, _)) => match read_text(file, CONTENT) {
                    Ok((content, cut)) => look = Look { content, cut, ..look },
                    Err(error) => return unseen(format_args!("read {}", path.display()), &error),
                },
                Ok(Content::Other) => return Finding::bad(format!("{} is not a regular file", path.display())),
                Ok(Content::Absent) => return Finding::bad(format!("there is no file {}", path.display())),
                Err(error) => return unseen(format_args!("read {}", path.display()), &error),
            }
        }
        self.expectations.find(&look, Look::spell)
    }
}

impl Look {
    fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.is_file().then_some(metadata.len()),
            age: clock::now().timestamp().saturating_sub(metadata.mtime()),
            mode: metadata.mode() & 0o7777,
            content: String::new(),
            cut: false,
        }
    }

    /// What is from the future counts as new.
    fn age(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.age).unwrap_or_default())
    }

    fn spell(&self) -> String {
        let size = self.size.map(|size| format!("{}, ", quantity::spell(size))).unwrap_or_default();
        format!("{size}{}", self.spell_age())
    }

    fn spell_age(&self) -> String {
        match self.age {
            ..0 => "from the future: its age counts as 0".to_owned(),
            _ => format!("{} old", quantity::spell_age(self.age())),
        }
    }
}

/// What can be asserted of a file.
#[derive(Clone, Debug)]
pub(crate) enum FileAssertion {
    /// `exists`
    Exists,
    /// `missing`
    Missing,
    /// `size > 1kB`
    Size(Relation, u64),
    /// `age < 25h`
    Age(Relation, Duration),
    /// `mode == 0600`
    Mode(Relation, u32),
    /// `contains "…"`
    Content(Match),
}

impl FileAssertion {
    const fn looks_inside(&self) -> bool {
        matches!(self, Self::Content(_))
    }
}

impl Assertion for FileAssertion {
    type Seen = Look;

    const WORDS: &'static str = "exists, missing, size, age, mode, contains, matches or not (a file check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "exists" => Some(Ok(Self::Exists)),
            "missing" => Some(Ok(Self::Missing)),
            "size" => Some(read_size(cursor)),
            "age" => Some(Relation::read_time(cursor).map(|(relation, limit)| Self::Age(relation, limit))),
            "mode" => Some(read_mode(cursor)),
            word if Match::WORDS.contains(&word) => Some(Match::after(word, cursor).map(Self::Content)),
            _ => None,
        }
    }

    /// The content itself is never shown: it may be a secret.
    fn judge(&self, look: &Look) -> Result<(), String> {
        match self {
            Self::Exists => Ok(()),
            Self::Missing => Err("it is there".to_owned()),
            Self::Size(relation, wanted) => match look.size {
                Some(size) if relation.holds(&size, wanted) => Ok(()),
                Some(size) => Err(format!("its size is {}", quantity::spell(size))),
                None => Err("it is not a regular file and has no size".to_owned()),
            },
            Self::Age(relation, limit) if relation.holds(&look.age(), limit) => Ok(()),
            Self::Age(..) => Err(format!("it is {}", look.spell_age())),
            Self::Mode(relation, wanted) if relation.holds(&look.mode, wanted) => Ok(()),
            Self::Mode(..) => Err(format!("its mode is {:04o}", look.mode)),
            Self::Content(contains) => match contains.find(Seen::new(&look.content, look.cut)) {
                Err(why) => Err(format!("it {why}")),
                Ok(found) if found == contains.is_wanted() => Ok(()),
                Ok(true) => Err("it has it".to_owned()),
                Ok(false) => Err("it does not".to_owned()),
            },
        }
    }
}

fn read_size(cursor: &mut Cursor<'_>) -> Result<FileAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ANY)?;
    Ok(FileAssertion::Size(relation, Quantity::read_size(cursor)?))
}

fn read_mode(cursor: &mut Cursor<'_>) -> Result<FileAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ALIKE)?;
    let here = cursor.here();
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let mode = u32::from_str_radix(digits, 8).ok().filter(|_| (3..=4).contains(&digits.len()));
    mode.map(|mode| FileAssertion::Mode(relation, mode)).ok_or_else(|| here.wrong("a mode such as 0600"))
}
