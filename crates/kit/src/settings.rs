//! Settings: a flag, then the environment file, then the environment. The file is read, never executed.
//!
//! `NAME=value` a line; the value is the rest of the line, or wholly in single quotes. This is the part of systemd's
//! `EnvironmentFile=` (systemd.exec(5)) that has one reading only, so the same file serves a unit as well.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::exit::Exit;
use crate::failure::{Attempt, Failure};
use crate::files;
use crate::voice;

/// No settings file is longer.
const LIMIT: u64 = 1 << 20;

/// What may stand around a name and a value, and is no part of them: what systemd takes for blanks, and no more.
const BLANKS: [char; 3] = [' ', '\t', '\r'];

/// What an environment file and the process's environment say.
#[derive(Debug, Default)]
pub struct Settings {
    file: Option<PathBuf>,
    values: BTreeMap<String, String>,
}

impl Settings {
    /// Reads the environment file that `-e` names: a path, or a plain name for `/etc/pushback/NAME.env`. Without one,
    /// the process's environment alone speaks.
    ///
    /// 78 for a file that is missing or not understood (with the line), 77 for one that others may read or that
    /// belongs to somebody else.
    pub fn load(environment: Option<&str>) -> Result<Self, Failure> {
        let Some(name) = environment else {
            return Ok(Self::default());
        };
        let path = path_of(name);
        let doing = format!("read the settings in {}", path.display());
        let text = read_private(&path, &doing, "-e takes a path, or a NAME for /etc/pushback/NAME.env")?;
        let values = parse(&text).map_err(|(line, wrong)| {
            Failure::new(Exit::SETTINGS, format!("cannot {doing}: line {line}: {wrong}"))
                .hint("a line is NAME=value; the value is the rest of the line, or wholly in single quotes")
        })?;
        Ok(Self { file: Some(path), values })
    }

    /// The environment file, absolute where the current directory is known: what a child is told in `PUSHBACK_ENV`.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let file = self.file.as_ref()?;
        Some(std::path::absolute(file).unwrap_or_else(|_| file.clone()))
    }

    /// A setting that is not empty: the file's, else the environment's.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub fn get(&self, name: &str) -> Option<String> {
        let value = match self.values.get(name) {
            Some(value) => Some(value.clone()),
            None => std::env::var(name).ok(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// A setting that must be there: 78 with its name and where to put it.
    pub fn require(&self, name: &str) -> Result<String, Failure> {
        self.get(name).ok_or_else(|| {
            let hint = match &self.file {
                Some(file) => format!("add {name}=… to {}", file.display()),
                None => format!("name an environment file with -e, or set {name}"),
            };
            Failure::new(Exit::SETTINGS, format!("{name} is not set")).hint(hint)
        })
    }

    /// A secret: `NAME`, or the first line of the private file that `NAME_FILE` names.
    pub fn secret(&self, name: &str) -> Result<Option<String>, Failure> {
        if let Some(value) = self.get(name) {
            return Ok(Some(value));
        }
        let Some(file) = self.get(&format!("{name}_FILE")) else {
            return Ok(None);
        };
        let hint = format!("put the value into that file, or correct {name}_FILE");
        let text = read_private(Path::new(&file), &format!("read {name}_FILE {file}"), &hint)?;
        Ok(text.lines().next().map(str::to_owned).filter(|line| !line.is_empty()))
    }

    /// The names listed in the setting `list` (space-separated) that have a value, with it.
    #[must_use]
    pub fn listed(&self, list: &str) -> Vec<(OsString, OsString)> {
        let names = self.get(list).unwrap_or_default();
        names.split_whitespace().filter_map(|name| Some((name.into(), self.get(name)?.into()))).collect()
    }

    /// All values of the file, as the app's own settings are handed to the app.
    #[must_use]
    pub fn into_values(self) -> BTreeMap<String, String> {
        self.values
    }
}

/// A length of time as settings and flags write it: `30` or `30s` (seconds), `500ms`, `5m`, `2h`; more than nothing.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => {
            return Err(format!("`{text}` is not a length of time such as 30, 500ms, 10s, 5m or 2h"));
        }
    };
    match number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds)) {
        Some(length) if length > 0 => Ok(Duration::from_millis(length)),
        _ => Err(format!("`{text}` is not a length of time such as 30, 500ms, 10s, 5m or 2h")),
    }
}

fn path_of(name: &str) -> PathBuf {
    if name.contains(['/', '.']) {
        PathBuf::from(name)
    } else {
        Path::new("/etc/pushback").join(name).with_extension("env")
    }
}

/// Reads a file that may hold secrets. The mode is that of the opened file: nobody swaps it between look and read.
fn read_private(path: &Path, doing: &str, if_missing: &str) -> Result<String, Failure> {
    let unfit = |why: &str| Failure::new(Exit::SETTINGS, format!("cannot {doing}: {why}"));
    let file = files::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => unfit("there is no such file").hint(if_missing),
        _ => Failure::io(doing, &error),
    })?;
    let metadata = file.metadata().attempt(doing)?;
    if !metadata.is_file() {
        return Err(unfit("it is not a regular file").hint(if_missing));
    }
    let me = rustix::process::geteuid().as_raw();
    if metadata.uid() != me && metadata.uid() != 0 {
        let message = format!("will not {doing}: it belongs to user {}, not to you or root", metadata.uid());
        return Err(Failure::new(Exit::NOT_PERMITTED, message).hint(format!("sudo -u '#{}' …", metadata.uid())));
    }
    if metadata.mode() & 0o077 != 0 {
        let message = format!("will not {doing}: others may read it (mode {:04o})", metadata.mode() & 0o7777);
        return Err(
            Failure::new(Exit::NOT_PERMITTED, message).hint(format!("chmod 600 {}", voice::word(path.display())))
        );
    }
    if metadata.len() > LIMIT {
        return Err(unfit("it is longer than 1 MiB").hint("is that the right file?"));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes).attempt(doing)?;
    String::from_utf8(bytes).map_err(|error| {
        let read = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = read.split(|byte| *byte == b'\n').count();
        unfit(&format!("line {line}: it is not UTF-8 text"))
    })
}

type Wrong = (usize, String);

fn parse(text: &str) -> Result<BTreeMap<String, String>, Wrong> {
    if text.starts_with('\u{feff}') {
        return Err((1, "the file begins with a byte order mark; save it as UTF-8 without one".to_owned()));
    }
    let mut values = BTreeMap::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() || line.trim_start().starts_with(['#', ';']) {
            continue;
        }
        let (name, value) = parse_line(line).map_err(|wrong| (number, wrong))?;
        if let Some(before) = seen.insert(name, number) {
            return Err((number, format!("{name} stands in line {before} already")));
        }
        values.insert(name.to_owned(), value.to_owned());
    }
    Ok(values)
}

fn parse_line(line: &str) -> Result<(&str, &str), String> {
    let (name, value) = line.split_once('=').ok_or("there is no `=`")?;
    let name = name.trim_start_matches(BLANKS);
    if name.starts_with("export ") {
        return Err("`export` belongs to a shell, and this file is not executed".to_owned());
    }
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        // It is not repeated: it may be the last line of a key that was pasted in, which ends with `=` signs.
        return Err("what stands before the `=` is not the name of a setting".to_owned());
    }
    let value = value.trim_matches(BLANKS);
    if value.contains(|c: char| c.is_control()) {
        return Err(format!("the value of {name} holds a control character (a carriage return, say)"));
    }
    if value.contains('\\') {
        return Err(format!("the value of {name} holds a backslash, which systemd would read differently"));
    }
    if value.starts_with('"') {
        return Err(format!("the value of {name} begins with a double quote; use single quotes, or none"));
    }
    let Some(quoted) = value.strip_prefix('\'') else {
        return Ok((name, value));
    };
    match quoted.strip_suffix('\'') {
        Some(inner) if !inner.contains('\'') => Ok((name, inner)),
        _ => Err(format!("the value of {name} has an unbalanced single quote")),
    }
}

/// Reads another environment file, the app's own: same form, same care.
pub fn app_settings(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let path =
        fs::canonicalize(path).attempt_or(Exit::SETTINGS, format_args!("read APP_ENV_FILE {}", path.display()))?;
    Ok(Settings::load(Some(&path.to_string_lossy()))?.into_values())
}

#[cfg(test)]
mod tests {
    use super::{duration, parse};
    use std::time::Duration;

    fn value(line: &str) -> Result<String, String> {
        let values = parse(line).map_err(|(_, wrong)| wrong)?;
        Ok(values.into_values().next().unwrap_or_default())
    }

    #[test]
    fn a_value_is_the_rest_of_the_line_or_wholly_quoted() {
        assert_eq!(value("A=b c  ").unwrap(), "b c");
        assert_eq!(value("A='b c '").unwrap(), "b c ");
        assert_eq!(value("A=").unwrap(), "");
        assert_eq!(
            value("A=python3 -c \"print('x')\" # no comment").unwrap(),
            "python3 -c \"print('x')\" # no comment"
        );
        assert_eq!(value("# A=b\n; x\n\n  \n").unwrap(), "");
    }

    #[test]
    fn what_systemd_would_read_differently_is_refused_with_its_line() {
        for line in ["export A=b", "A=b\\", "A='b", "A='b'c'", "A=\"b\"", "just words", "1A=b", "A B=c", "=b", "A=b\rc"]
        {
            assert!(value(line).is_err(), "{line:?}");
        }
        assert_eq!(parse("A=1\nB=2\nA=3").unwrap_err(), (3, "A stands in line 1 already".to_owned()));
    }

    #[test]
    fn what_may_be_a_secret_is_not_repeated() {
        for line in ["canary/+x=", "canary", "A='canary", "A=canary\\"] {
            assert!(!value(line).unwrap_err().contains("canary"), "{line}");
        }
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("30").unwrap(), Duration::from_secs(30));
        assert_eq!(duration("800ms").unwrap(), Duration::from_millis(800));
        assert_eq!(duration("5m").unwrap(), Duration::from_secs(300));
        for wrong in ["", "0", "s", "-1", "1d", "1.5s", "99999999999999999999"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }
}
