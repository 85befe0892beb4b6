//! A plain dump on its way into a schema beside the live one.

use std::io::Write;

use kit::process::{Consumer, Ended, Sink};
use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::engine::{Text as _, Trust};
use crate::manifest::Census;
use crate::mysql::client::{Client, run_script};
use crate::mysql::text::Text;
use crate::mysql::trouble::Trouble;
use crate::mysql::version::Version;

/// Where a dumper says which part of a dump begins.
const EVENTS: &[u8] = b"-- Dumping events for database";
const OTHERS: [&[u8]; 5] = [
    b"-- Dumping routines for database",
    b"-- Final view structure for view",
    b"-- Temporary ",
    b"-- Dump completed",
    b"/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE",
];

/// What a dumper writes around routines that were made while the database had another collation. It names the live
/// database, whose collation is no business of a load beside it.
const COLLATION: &[u8] = b"ALTER DATABASE `";

/// What comes before a dump that nobody vouches for, so that it is known how the server reads it.
const PRELUDE: &str = "SET SESSION sql_mode = '';\nSET NAMES utf8mb4;\n";

/// How much of a line shows which of these it is.
const LONGEST: usize = 64;

/// How much is kept in memory: the definitions of all events, or the beginning of a statement.
const LONGEST_KEPT: usize = 64 << 20;

/// A dump that is being loaded. Its events are kept back: the server would run them at once.
pub struct Load {
    consumer: Option<Consumer>,
    text: Box<Text>,
    trust: Trust,
    client: Client,
    limits: Limits,
    deadline: Deadline,
    /// The beginning of a line that is too short yet to know.
    held: Vec<u8>,
    line_begins: bool,
    in_events: bool,
    skips: bool,
    events: Vec<u8>,
    /// What of a statement is kept back until it is known what that does: at its end a client sends what it has.
    undecided: Vec<u8>,
}

/// What the server takes of this account.
pub(crate) struct Limits {
    /// The longest statement, in bytes.
    pub(crate) packet: u64,
    /// What permits it to name others as definers.
    pub(crate) grant: String,
}

/// What a loaded dump held.
#[derive(Debug)]
pub struct Loaded {
    /// Its tables with their rows, as its text says.
    pub census: Census,
    /// The statements that make its events.
    pub events: String,
}

impl Load {
    /// Begins to load a dump into the client's database on a server of this version.
    pub(crate) fn start(
        client: Client,
        limits: Limits,
        trust: Trust,
        server: &Version,
        deadline: &Deadline,
    ) -> Result<Self, Failure> {
        let file = client.file()?;
        let program = client.loader(&file)?.stdout(Sink::Null).deadline(deadline.remaining());
        let consumer = Some(program.consume()?);
        let text = match trust {
            Trust::Verified => Box::default(),
            Trust::Unverified => Box::new(Text::unverified(server.clone())),
        };
        let (held, events, undecided, deadline) = (Vec::new(), Vec::new(), Vec::new(), *deadline);
        let (line_begins, in_events, skips) = (true, false, false);
        let mut load = Self {
            consumer,
            text,
            trust,
            client,
            limits,
            deadline,
            held,
            line_begins,
            in_events,
            skips,
            events,
            undecided,
        };
        load.send(load.prelude().as_bytes())?;
        Ok(load)
    }

    fn prelude(&self) -> &'static str {
        if self.trust == Trust::Unverified { PRELUDE } else { "" }
    }

    /// Takes the next bytes, cut anywhere: 65 when they do what no dump of one database does, and then none of them is sent.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.deadline.check()?;
        let mut out = Vec::with_capacity(bytes.len() + LONGEST);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !self.line_begins {
                self.route(part, &mut out)?;
                continue;
            }
            self.held.extend_from_slice(part);
            if part.ends_with(b"\n") || self.held.len() >= LONGEST {
                self.begin_line(&mut out)?;
            }
        }
        self.send(&out)
    }

    /// Ends it: 65 when the dump is not whole, else how the client ended.
    pub fn finish(mut self) -> Result<Loaded, Failure> {
        let mut out = Vec::new();
        self.begin_line(&mut out)?;
        self.send(&out)?;
        let census = std::mem::take(&mut self.text).finish()?;
        if let Some(consumer) = self.consumer.take() {
            let ended = consumer.finish()?;
            self.require_success(&ended)?;
        }
        let events = String::from_utf8_lossy(&self.events);
        let prelude = if events.is_empty() { "" } else { self.prelude() };
        Ok(Loaded { census, events: format!("{prelude}{events}") })
    }

    /// Looks at the beginning of a line: at the end of a statement it may begin another part.
    fn begin_line(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        let held = std::mem::take(&mut self.held);
        if self.text.is_between_statements() {
            let is_other = OTHERS.iter().any(|other| held.starts_with(other));
            let in_events = !is_other && (self.in_events || held.starts_with(EVENTS));
            if in_events != self.in_events {
                // They are run later, by a client of their own.
                self.text.change_session();
                self.in_events = in_events;
            }
            self.skips = held.starts_with(COLLATION);
        }
        self.route(&held, out)
    }

    fn route(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
        self.line_begins = bytes.is_empty() || bytes.ends_with(b"\n");
        if self.skips {
            self.skips = !self.line_begins;
            return Ok(());
        }
        self.text.read(bytes);
        self.text.require_harmless()?;
        self.require_size()?;
        self.undecided.extend_from_slice(bytes);
        if self.text.is_undecided() {
            let message = "the dump holds a statement that begins with more than 64 MiB of comments";
            return require_room(self.undecided.len(), message);
        }
        let to = if self.in_events { &mut self.events } else { out };
        to.append(&mut self.undecided);
        require_room(self.events.len(), "the definitions of the dump's events are larger than 64 MiB")
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let Some(consumer) = &mut self.consumer else { return Ok(()) };
        let Err(error) = consumer.write_all(bytes) else { return Ok(()) };
        // The client says itself why it reads no more.
        let Some(consumer) = self.consumer.take() else { return Ok(()) };
        self.require_success(&consumer.finish()?)?;
        Err(Failure::io(doing(&self.client), &error))
    }

    /// A server hangs up on a statement that is too long for it, or says so: known before it is sent.
    fn require_size(&self) -> Result<(), Failure> {
        let longest = self.text.longest_statement();
        if longest < self.limits.packet {
            return Ok(());
        }
        let message = format!(
            "cannot {}: a statement of it is longer than the {} bytes that the server takes at once",
            doing(&self.client),
            self.limits.packet
        );
        let hint = "as an administrator: SET GLOBAL max_allowed_packet = 1073741824";
        Err(Failure::new(Exit::SETTINGS, message).hint(hint))
    }

    fn require_success(&self, ended: &Ended) -> Result<(), Failure> {
        let lacks_right = Trouble::of(ended).code == Some(Trouble::LACKS_GLOBAL_RIGHT);
        require_success(&self.client, ended, &self.deadline).map_err(|failure| {
            if lacks_right { failure.hint(format!("as an administrator: {}", self.limits.grant)) } else { failure }
        })
    }
}

/// Runs the statements of a plan.
pub(crate) fn run_plan(client: &Client, text: &str, deadline: &Deadline) -> Result<(), Failure> {
    deadline.check()?;
    let file = client.file()?;
    let program = client.loader(&file)?.stdout(Sink::Null).deadline(deadline.remaining());
    require_success(client, &run_script(program, text)?, deadline)
}

fn require_room(length: usize, message: &str) -> Result<(), Failure> {
    if length > LONGEST_KEPT { Err(Failure::new(Exit::DAMAGED, message)) } else { Ok(()) }
}

fn require_success(client: &Client, ended: &Ended, deadline: &Deadline) -> Result<(), Failure> {
    if ended.status.is_success() {
        return Ok(());
    }
    Err(Trouble::of(ended).failure(&doing(client), &client.address, deadline))
}

fn doing(client: &Client) -> String {
    format!("load the dump into {}", client.address)
}
