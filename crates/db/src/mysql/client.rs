//! Questions to a server, through its own client program.

use std::fs::File;

use kit::memory_file::MemoryFile;
use kit::process::{Ended, Program};
use kit::{Attempt, Exit, Failure};

use crate::address::Address;
use crate::deadline::Deadline;
use crate::mysql::options::{Options, Tls};
use crate::mysql::trouble::Trouble;
use crate::mysql::version::{Family, Version};

/// A client program and how it logs in.
pub(crate) struct Client {
    pub(crate) address: Address,
    pub(crate) name: &'static str,
    family: Family,
    options: Options,
}

impl Client {
    /// The first client that is installed: 69 when there is none.
    pub(crate) fn find(address: &Address, deadline: &Deadline) -> Result<Self, Failure> {
        for (_, name) in Family::Mariadb.programs() {
            if let Some(version) = installed(name, deadline)? {
                let options = Options::of(address, version.family)?;
                return Ok(Self { address: address.clone(), name, family: version.family, options });
            }
        }
        let message = "cannot run mariadb or mysql: neither is installed, or on PATH";
        Err(Failure::new(Exit::UNAVAILABLE, message).hint("as root: apt-get install mariadb-client"))
    }

    /// Asks in no database.
    pub(crate) fn ask(&self, sql: &str, deadline: &Deadline) -> Result<Vec<Vec<String>>, Failure> {
        self.run(None, sql, deadline)?.map_err(|trouble| trouble.failure(&self.connecting(), &self.address, deadline))
    }

    /// Asks in the database of the address.
    pub(crate) fn ask_in(&self, doing: &str, sql: &str, deadline: &Deadline) -> Result<Vec<Vec<String>>, Failure> {
        let answer = self.run(Some(&self.address.database), sql, deadline)?;
        answer.map_err(|trouble| trouble.failure(doing, &self.address, deadline))
    }

    /// Runs statements and returns the rows of all answers. Values must hold no tab and no line break: ask for `hex(…)`.
    pub(crate) fn run(
        &self,
        database: Option<&str>,
        sql: &str,
        deadline: &Deadline,
    ) -> Result<Result<Vec<Vec<String>>, Trouble>, Failure> {
        deadline.check()?;
        let ended = self.print(database, sql, deadline)?;
        if !ended.status.is_success() {
            return Ok(Err(Trouble::of(&ended)));
        }
        let row = |line: &str| line.split('\t').map(str::to_owned).collect();
        Ok(Ok(String::from_utf8_lossy(&ended.stdout).lines().map(row).collect()))
    }

    fn print(&self, database: Option<&str>, sql: &str, deadline: &Deadline) -> Result<Ended, Failure> {
        let file = self.options.file()?;
        let mut program = program(self.name, &file)?.deadline(deadline.remaining());
        // `--skip-reconnect`: a second session would not be in the first one's transaction.
        program = program.args(["--batch", "--raw", "--skip-column-names", "--binary-mode", "--skip-reconnect"]);
        program = program.arg("--no-auto-rehash");
        if let Some(database) = database {
            program = program.arg(format!("--database={database}"));
        }
        // A server may be set to other quotes.
        run_script(program, &format!("set session sql_mode = '';\n{sql}"))
    }

    /// The file that a program of the client's family logs in with.
    pub(crate) fn file(&self) -> Result<MemoryFile, Failure> {
        self.options.file()
    }

    /// The client, about to take a text of others: no command of its own is understood in it but `DELIMITER`, no file is read,
    /// comments in routines are kept, and it stops at the first error.
    pub(crate) fn loader(&self, file: &MemoryFile) -> Result<Program, Failure> {
        let arguments =
            ["--batch", "--binary-mode", "--comments", "--local-infile=0", "--skip-reconnect", "--no-auto-rehash"];
        let program = program(self.name, file)?.args(arguments).arg("--max-allowed-packet=1G");
        Ok(program.arg(format!("--database={}", self.address.database)))
    }

    /// The same for another database.
    pub(crate) fn of_database(&self, name: &str) -> Result<Self, Failure> {
        let address = self.address.of_database(name);
        let options = Options::of(&address, self.family)?;
        Ok(Self { address, name: self.name, family: self.family, options })
    }

    /// The same place and account, for a program of another family.
    pub(crate) fn options_for(&self, family: Family) -> Result<Options, Failure> {
        Options::of(&self.address, family)
    }

    /// Refuses a session that is not protected though it was to be: what a client of MariaDB lets pass.
    pub(crate) fn require_tls(&self, cipher: &str) -> Result<(), Failure> {
        if cipher.is_empty() && matches!(self.options.tls, Some(Tls::Required | Tls::Verified)) {
            let message = format!("cannot {}: the server offers no TLS, and ssl-mode requires it", self.connecting());
            return Err(
                Failure::new(Exit::UNAVAILABLE, message).hint("give the server a certificate (ssl_cert, ssl_key)")
            );
        }
        Ok(())
    }

    fn connecting(&self) -> String {
        format!("connect to {}", self.address)
    }
}

/// Runs a client on statements that it gets whole: killed while we write into a pipe, we would leave it with a part, and at
/// its end it sends what it has. The first half of a RENAME TABLE may well be one.
pub(crate) fn run_script(program: Program, sql: &str) -> Result<Ended, Failure> {
    let script = MemoryFile::new(sql.as_bytes())?;
    let stdin = File::open(script.path()).attempt("open a file in memory")?;
    program.stdin(stdin).run()
}

/// A program that reads where to log in from this file and from no other.
pub(crate) fn program(name: &str, file: &MemoryFile) -> Result<Program, Failure> {
    let defaults = format!("--defaults-file={}", file.path().display());
    let program = Program::find(name)?.arg(defaults).arg("--default-character-set=utf8mb4");
    // MySQL's programs read this one whatever they are told, and what it says would win.
    Ok(program.env("MYSQL_TEST_LOGIN_FILE", "/nonexistent"))
}

/// The version of a program, `None` when it is not on PATH.
pub(crate) fn installed(name: &str, deadline: &Deadline) -> Result<Option<Version>, Failure> {
    let program = match Program::find(name) {
        Ok(program) => program,
        Err(failure) if failure.exit == Exit::UNAVAILABLE => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let ended = program.args(["--no-defaults", "--version"]).deadline(deadline.remaining()).run()?;
    deadline.check()?;
    Ok(ended.status.is_success().then(|| Version::of_client(&ended.text())))
}

/// A name as SQL writes it.
pub(crate) fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// What `hex(…)` answered: 74 when that is no text.
pub(crate) fn from_hex(hex: &str) -> Result<String, Failure> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? * 16 + digit(low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(pair).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(unexpected)
}

/// An answer that is not of the form that was asked for.
pub(crate) fn unexpected() -> Failure {
    Failure::new(Exit::IO, "cannot understand what the database server answered")
}
