//! What a client program said when it failed, and which exit code that deserves.

use kit::process::{Ended, Status};
use kit::{Exit, Failure, voice};

use crate::address::Address;
use crate::deadline::Deadline;

/// A client that did not succeed.
#[derive(Debug)]
pub(crate) struct Trouble {
    /// The number of the error, the server's or the client library's; `None` when there is none in what it said.
    pub(crate) code: Option<u32>,
    words: String,
    status: Status,
}

impl Trouble {
    /// There is no such database.
    pub(crate) const UNKNOWN_DATABASE: u32 = 1049;

    /// The account lacks a right that is not one to a database.
    pub(crate) const LACKS_GLOBAL_RIGHT: u32 = 1227;

    /// Others used a table for longer than was waited.
    pub(crate) const LOCK_WAIT_TIMEOUT: u32 = 1205;

    /// What a program that ended badly has to say.
    pub(crate) fn of(ended: &Ended) -> Self {
        let said = String::from_utf8_lossy(&ended.stderr);
        // Warnings come before; the error itself is the first line that has a number.
        let line = said.lines().find(|line| code_of(line).is_some()).map_or_else(|| ended.last_words(), str::to_owned);
        Self { code: code_of(&line), words: voice::clean_line(line.trim()), status: ended.status }
    }

    /// The failure: 69 when the server is not reached or goes away, 77 when it does not permit it, 66 when there is no such
    /// database, 124 when it took too long, else 74.
    pub(crate) fn failure(&self, doing: &str, address: &Address, deadline: &Deadline) -> Failure {
        if self.status == Status::Deadline {
            let message = format!("cannot {doing}: not done after {}", deadline.spell());
            return Failure::new(Exit::DEADLINE, message);
        }
        let exit = exit_of(self.code, &self.words);
        let words = match &address.password {
            Some(password) if password.len() > 3 => self.words.replace(password.as_str(), "…"),
            _ => self.words.clone(),
        };
        // A program that was killed has not always said anything.
        let end = if matches!(self.status, Status::Signal(_)) {
            format!(" (it {})", self.status.spell())
        } else {
            String::new()
        };
        let failure = Failure::new(exit, format!("cannot {doing}: {words}{end}"));
        match hint(exit, self.code, address) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn hint(exit: Exit, code: Option<u32>, address: &Address) -> Option<&'static str> {
    match exit {
        Exit::UNAVAILABLE if address.host.as_deref() == Some("localhost") => Some(
            "`localhost` is asked by TCP; the socket is asked by mysql://…@localhost/NAME?socket=/run/mysqld/mysqld.sock",
        ),
        Exit::UNAVAILABLE => Some("is the server running, and are host and port of DATABASE_URL right?"),
        Exit::NOT_PERMITTED if matches!(code, Some(1045 | 1130 | 1698)) => {
            Some("are user and password of DATABASE_URL right, and may the account come from this host?")
        }
        _ => None,
    }
}

/// `ERROR 1045 (28000): Access denied …`, `mariadb-dump: Got error: 1045: "Access …`, `mysqldump: Error 2013: Lost …`,
/// `mysqldump: Couldn't execute 'SHOW …': … denied … (1142)`.
fn code_of(line: &str) -> Option<u32> {
    let behind = ["ERROR ", "Got error: ", "Error ", "error: "].iter().find_map(|mark| {
        let rest = line.split_once(mark)?.1;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse().ok()
    });
    let in_brackets = || line.trim_end().strip_suffix(')')?.rsplit_once('(')?.1.parse().ok();
    behind.or_else(in_brackets)
}

fn exit_of(code: Option<u32>, words: &str) -> Exit {
    match code {
        // Not reached, too many connections, shutting down, blocked, killed, lost; no common way to log in.
        Some(1040 | 1053 | 1129 | 1158..=1161 | 1203 | 1226 | 1251 | 1927 | 2000..=2013 | 2026 | 2054..=2061) => {
            Exit::UNAVAILABLE
        }
        Some(
            1044 | 1045 | 1130 | 1142 | 1143 | 1227 | 1290 | 1370 | 1396 | 1410 | 1419 | 1698 | 1820 | 1862 | 3118
            | 4151,
        ) => Exit::NOT_PERMITTED,
        Some(Trouble::UNKNOWN_DATABASE) => Exit::ABSENT,
        // The dumpers' own sentence, with their own spelling, has no number.
        _ if words.contains("insuffic") && words.contains("ent privileges to") => Exit::NOT_PERMITTED,
        _ => Exit::IO,
    }
}

#[cfg(test)]
mod tests {
    use super::{Trouble, code_of};
    use crate::address::Address;
    use crate::deadline::Deadline;
    use kit::process::{Ended, Status};
    use std::time::Duration;

    #[test]
    fn the_number_is_found_in_all_forms() {
        for (line, code) in [
            ("ERROR 1045 (28000): Access denied for user 'app'@'localhost' (using password: YES)", Some(1045)),
            ("ERROR 1146 (42S02) at line 3: Table 'app.t' doesn't exist", Some(1146)),
            (
                "mariadb-dump: Got error: 2002: \"Can't connect to server on '127.0.0.1' (111)\" when trying to connect",
                Some(2002),
            ),
            (
                "mysqldump: Got error: 1044: Access denied for user 'app'@'%' to database 'x' when selecting the database",
                Some(1044),
            ),
            (
                "mysqldump: Error 2013: Lost connection to MySQL server during query when dumping table `t` at row: 5",
                Some(2013),
            ),
            (
                "mysqldump: Couldn't execute 'show events': Access denied for user 'app'@'%' to database 'x' (1044)",
                Some(1044),
            ),
            (concat!("mysqldump: app has insuffic", "ent privileges to SHOW CREATE FUNCTION `f`!"), None),
            ("", None),
        ] {
            assert_eq!(code_of(line), code, "{line}");
        }
    }

    #[test]
    fn a_failure_has_the_code_of_its_cause_and_no_secret() {
        let address = Address::parse("mysql", "app:s3cret@db/app").unwrap();
        let deadline = Deadline::after(Duration::from_secs(1));
        for (said, exit) in [
            ("Warning: something\nERROR 1045 (28000): Access denied, s3cret", 77),
            (concat!("mysqldump: app has insuffic", "ent privileges to SHOW CREATE FUNCTION `f`!"), 77),
            ("ERROR 2002 (HY000): Can't connect", 69),
            ("mysqldump: Error 2013: Lost connection", 69),
            ("ERROR 1049 (42000): Unknown database 'x'", 66),
            ("ERROR 1064 (42000): You have an error", 74),
            ("", 74),
        ] {
            let ended = Ended { status: Status::Exit(2), stdout: Vec::new(), stderr: said.into() };
            let failure = Trouble::of(&ended).failure("dump app", &address, &deadline);
            assert_eq!(failure.exit.code(), exit, "{said}");
            assert!(!failure.message.contains("s3cret") && !failure.message.contains("Warning"), "{}", failure.message);
        }
        let killed = Ended { status: Status::Signal(9), stdout: Vec::new(), stderr: Vec::new() };
        let failure = Trouble::of(&killed).failure("dump app", &address, &deadline);
        assert!(failure.exit.code() == 74 && failure.message.contains("signal 9"), "{}", failure.message);
    }
}
