//! The engine's own dumper, and a dump that it is making.

use std::io::{self, Read};

use kit::process::{Producer, Status};
use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::engine::{Dump, Text as _};
use crate::manifest::Census;
use crate::mysql::client::{Client, installed, program};
use crate::mysql::text::Text;
use crate::mysql::trouble::Trouble;
use crate::mysql::version::{Family, Fit, Version};

/// What makes the dump whole and loadable anywhere: all rows of one snapshot, whatever hangs on the tables, bytes in
/// hexadecimal, no name of the database, no date (the same data give the same bytes), and rows as large as a server can hold.
const ARGUMENTS: [&str; 11] = [
    "--single-transaction",
    "--quick",
    "--skip-lock-tables",
    "--routines",
    "--triggers",
    "--events",
    "--hex-blob",
    "--no-tablespaces",
    "--skip-dump-date",
    "--max-allowed-packet=1G",
    "--",
];

/// A dumper that fits a server.
pub(crate) struct Dumper {
    name: &'static str,
    pub(crate) version: Version,
    /// What speaks against it.
    pub(crate) doubt: Option<String>,
}

impl Dumper {
    /// The first dumper that leaves nothing out, one of the server's own family before others: 69 when there is none.
    pub(crate) fn find(server: &Version, deadline: &Deadline) -> Result<Self, Failure> {
        let mut refused = None;
        let mut doubtful = None;
        for (name, _) in server.family.programs() {
            let Some(version) = installed(name, deadline)? else { continue };
            match version.dumps(server) {
                Fit::Good => return Ok(Self { name, version, doubt: None }),
                Fit::Doubtful(why) => drop(doubtful.get_or_insert(Self { name, version, doubt: Some(why) })),
                Fit::Bad(why) => refused = Some(why),
            }
        }
        let package = server.family.package();
        let missing =
            || format!("cannot run mariadb-dump or mysqldump, which {} needs: neither is installed", server.text);
        doubtful.ok_or_else(|| {
            let message = refused.map_or_else(missing, |why| format!("there is no dumper that fits: {why}"));
            Failure::new(Exit::UNAVAILABLE, message).hint(format!("as root: apt-get install {package}"))
        })
    }

    /// What only some dumpers know: what a server's replication has seen, and its statistics, are no part of a database.
    fn own_arguments(&self) -> &'static [&'static str] {
        match (self.version.family, self.version.number) {
            (Family::Mariadb, _) => &[],
            (Family::Mysql, number) if number < (8, 0) => &["--set-gtid-purged=OFF"],
            (Family::Mysql, _) => &["--set-gtid-purged=OFF", "--column-statistics=0"],
        }
    }

    /// Begins a dump of the client's database.
    pub(crate) fn start(&self, client: &Client, with_history: bool, deadline: &Deadline) -> Result<Dumping, Failure> {
        deadline.check()?;
        let options = client.options_for(self.version.family)?;
        let file = options.file()?;
        let mut program = program(self.name, &file)?.deadline(deadline.remaining());
        program = program.args(self.own_arguments());
        if with_history {
            program = program.arg("--dump-history");
        }
        // Behind `--` a name is a name, whatever it begins with.
        let producer = program.args(ARGUMENTS).arg(&client.address.database).produce()?;
        Ok(Dumping { producer, text: Box::default(), address: client.address.clone(), deadline: *deadline })
    }
}

/// What of a schema is dumped beside its rows.
pub(crate) enum Part {
    /// Routines and triggers.
    Routines,
    /// These views.
    Views(Vec<String>),
}

impl Dumper {
    /// The statements that make a part of the client's schema anew.
    pub(crate) fn part(&self, client: &Client, part: &Part, deadline: &Deadline) -> Result<String, Failure> {
        deadline.check()?;
        let file = client.options_for(self.version.family)?.file()?;
        let mut program = program(self.name, &file)?.deadline(deadline.remaining());
        program = program.args(self.own_arguments()).args([
            "--single-transaction",
            "--skip-lock-tables",
            "--no-tablespaces",
            "--no-data",
            "--skip-dump-date",
        ]);
        let database = &client.address.database;
        program = match part {
            Part::Routines => program.args(["--no-create-info", "--routines", "--triggers", "--", database]),
            Part::Views(names) => program.args(["--skip-triggers", "--", database]).args(names),
        };
        let ended = program.run()?;
        drop(file);
        if ended.status.is_success() {
            return Ok(ended.text() + "\n");
        }
        let doing = format!("read the definitions in {}", client.address);
        Err(Trouble::of(&ended).failure(&doing, &client.address, deadline))
    }
}

/// A dump that is being made, and counted on its way.
pub(crate) struct Dumping {
    producer: Producer,
    text: Box<Text>,
    address: crate::address::Address,
    deadline: Deadline,
}

impl Read for Dumping {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A dumper that always has more to say is never waited for.
        if self.deadline.has_passed() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let length = self.producer.read(buffer)?;
        self.text.read(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

impl Dump for Dumping {
    fn finish(self: Box<Self>) -> Result<Census, Failure> {
        let ended = self.producer.finish()?;
        if !ended.status.is_success() {
            let doing = match ended.status {
                Status::Deadline => format!("dump {} in time", self.address),
                _ => format!("dump {}", self.address),
            };
            return Err(Trouble::of(&ended).failure(&doing, &self.address, &self.deadline));
        }
        self.text.finish()
    }
}
