//! A process: whether it runs, how often, and since when.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::proc::Process;
use kit::{Exit, Failure, clock};

use crate::content::{Content, read_at_most};
use crate::finding::{Finding, unseen};
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::text::excerpt;
use crate::kind::Subject;
use crate::trial::Conditions;

/// How much of a pid file is read, in bytes: a number and a line end are the first of it.
const PID_FILE: u64 = 64;

/// A check of a process.
#[derive(Debug)]
struct Processes {
    which: Which,
    expectations: Expectations<ProcessAssertion>,
}

/// Which processes are looked at.
#[derive(Debug)]
enum Which {
    /// The one whose number stands in this file.
    PidFile(PathBuf),
    /// All with this command line, or whose program has this name.
    Command(String),
}

/// Those that run.
#[derive(Debug)]
pub(crate) struct Running {
    numbers: Vec<u32>,
    youngest: Option<Duration>,
    /// What is to be said where none runs.
    absence: String,
}

/// Takes the keys of a process check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let which = match (keys.text("command")?, keys.text("pid_file")?) {
        (Some(command), None) if !command.trim().is_empty() => Which::Command(command.trim().to_owned()),
        (None, Some(path)) if !path.is_empty() => Which::PidFile(path.into()),
        (Some(_), None) => return Err(keys.wrong_at("command", "`command` is empty")),
        (None, Some(_)) => return Err(keys.wrong_at("pid_file", "`pid_file` is empty")),
        _ => return Err(keys.wrong("it has either `command` or `pid_file`")),
    };
    let expectations: Expectations<ProcessAssertion> = keys.expectations()?;
    let alone = |assertion: &_| matches!(assertion, ProcessAssertion::Missing);
    expectations.alone("missing", alone).map_err(|wrong| keys.wrong_at("expect", wrong))?;
    let counts = expectations.assertions().any(|one| matches!(one, ProcessAssertion::Count(..)));
    if counts && matches!(which, Which::PidFile(_)) {
        return Err(keys.wrong_at("expect", "a `pid_file` names one process: `count` belongs to `command`"));
    }
    Ok(Box::new(Processes { which, expectations }))
}

impl Subject for Processes {
    fn spell(&self) -> String {
        match &self.which {
            Which::PidFile(path) => path.display().to_string(),
            Which::Command(command) => command.clone(),
        }
    }

    fn look(&self, _timeout: Duration, conditions: &Conditions) -> Finding {
        let found = match &self.which {
            Which::PidFile(path) => of_file(&conditions.dir.join(path)),
            Which::Command(command) => of_command(command),
        };
        match found {
            Ok(running) => self.expectations.find(&running, Running::spell),
            Err(finding) => finding,
        }
    }
}

/// The process whose number is the first word of the file.
fn of_file(path: &Path) -> Result<Running, Finding> {
    let shown = path.display();
    let file = match Content::open(path) {
        Ok(Content::File(file, _)) => file,
        Ok(Content::Other) => return Err(Finding::bad(format!("{shown} is not a regular file"))),
        Ok(Content::Absent) => return Ok(Running::none(format!("there is no file {shown}"))),
        Err(error) => return Err(unseen(format_args!("read {shown}"), &error)),
    };
    let bytes = read_at_most(file, PID_FILE).map_err(|error| unseen(format_args!("read {shown}"), &error))?;
    let text = String::from_utf8_lossy(&bytes);
    let word = text.split_whitespace().next().unwrap_or_default();
    let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
    let Some(pid) = word.parse::<u32>().ok().filter(|pid| is_number && *pid > 0) else {
        let found = if word.is_empty() { "nothing".to_owned() } else { excerpt(&text) };
        return Err(Finding::bad(format!("{shown} does not begin with the number of a process, but with {found}")));
    };
    match Process::of(pid) {
        Some(process) => Running::of(&[process], String::new()),
        None if Process::are_hidden() => Err(hidden()),
        None => Ok(Running::none(format!("{shown} names process {pid}, which does not run"))),
    }
}

/// All processes with this command line. What this program has started is none of them: it could be a check that looks for
/// the same words.
fn of_command(command: &str) -> Result<Running, Finding> {
    let is_it = |process: &Process| process.command().is_ok_and(|words| fits(&words, command)) && !process.is_ours();
    let found: Vec<Process> = Process::all().into_iter().filter(is_it).collect();
    if found.is_empty() && Process::are_hidden() {
        return Err(hidden());
    }
    Running::of(&found, format!("no process {} runs", excerpt(command)))
}

/// Whether it is the whole command line, or the file name of the program: never a part of either.
fn fits(words: &[String], command: &str) -> bool {
    let Some(program) = words.first() else { return false };
    program.rsplit('/').next() == Some(command) || words.join(" ").trim() == command
}

fn hidden() -> Finding {
    Finding::blind(Failure::new(Exit::IO, "/proc hides the processes of other users (hidepid)"))
}

impl Running {
    fn none(absence: String) -> Self {
        Self { numbers: Vec::new(), youngest: None, absence }
    }

    fn of(processes: &[Process], absence: String) -> Result<Self, Finding> {
        let ages = processes.iter().map(|process| process.age()).collect::<Result<Vec<_>, _>>();
        let ages = ages.map_err(|error| unseen("look how long a process runs", &error))?;
        let numbers = processes.iter().map(|process| process.pid).collect();
        Ok(Self { numbers, youngest: ages.into_iter().min(), absence })
    }

    fn spell(&self) -> String {
        let age = self.youngest.map(|age| clock::spell(clock::milliseconds(age))).unwrap_or_default();
        match self.numbers.as_slice() {
            [] => self.absence.clone(),
            [pid] => format!("process {pid} runs for {age}"),
            several => format!("{} processes run, the youngest for {age}", several.len()),
        }
    }
}

/// What can be asserted of processes.
#[derive(Clone, Debug)]
pub(crate) enum ProcessAssertion {
    /// `running`
    Running,
    /// `missing`
    Missing,
    /// `count == 4`
    Count(Relation, u64),
    /// `uptime > 10s`
    Uptime(Relation, Duration),
}

impl Assertion for ProcessAssertion {
    type Seen = Running;

    const WORDS: &'static str = "running, missing, count or uptime (a process check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "running" => Some(Ok(Self::Running)),
            "missing" => Some(Ok(Self::Missing)),
            "count" => Some(Relation::read_count(cursor).map(|(relation, wanted)| Self::Count(relation, wanted))),
            "uptime" => Some(
                Relation::read_length(cursor, Relation::BESIDE).map(|(relation, limit)| Self::Uptime(relation, limit)),
            ),
            _ => None,
        }
    }

    fn judge(&self, running: &Running) -> Result<(), String> {
        let count = u64::try_from(running.numbers.len()).unwrap_or(u64::MAX);
        let holds = match (self, running.youngest) {
            (Self::Running, youngest) => youngest.is_some(),
            (Self::Missing, youngest) => youngest.is_none(),
            (Self::Count(relation, wanted), _) => relation.holds(&count, wanted),
            (Self::Uptime(relation, limit), Some(youngest)) => relation.holds(&youngest, limit),
            (Self::Uptime(..), None) => false,
        };
        if holds { Ok(()) } else { Err(running.spell()) }
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_command_is_a_whole_command_line_or_the_name_of_a_program_and_never_a_part() {
        let is = |line: &[&str], command: &str| {
            fits(&line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), command)
        };
        let worker = ["/usr/bin/python3", "worker.py", "--queue", "mail"];
        assert!(is(&worker, "python3"));
        assert!(is(&worker, "/usr/bin/python3 worker.py --queue mail"));
        for part in ["worker.py", "python", "/usr/bin/python3", "python3 worker.py", "worker.py --queue mail", ""] {
            assert!(!is(&worker, part), "{part}");
        }
        // A title of its own, with blanks behind it where the arguments were.
        assert!(is(&["nginx: worker process      "], "nginx: worker process"));
        assert!(!is(&[], "x"));
    }
}
