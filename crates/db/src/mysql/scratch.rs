//! A schema beside the live one, where a backup is loaded and compared before anything that is live changes.

use kit::{Exit, Failure};

use crate::deadline::Deadline;
use crate::engine::{Server as _, Trust};
use crate::manifest::{Census, difference};
use crate::mysql::Mysql;
use crate::mysql::client::{from_hex, identifier, unexpected};
use crate::mysql::inventory::Inventory;
use crate::mysql::load::{Limits, Load, Loaded};
use crate::mysql::rights;

/// The longest name of a schema, in characters.
const LONGEST_NAME: usize = 64;

/// The name of a schema beside a database: `app_restore_20261121T101500Z`.
#[must_use]
pub fn name_beside(database: &str, word: &str, time: &str) -> String {
    let end = format!("_{word}_{time}");
    let room = LONGEST_NAME.saturating_sub(end.chars().count());
    database.chars().take(room).chain(end.chars()).collect()
}

/// Whether a name ends as [`name_beside`] lets it end: `20261121T101500Z`.
fn is_time(text: &str) -> bool {
    let form = |at: usize, byte: u8| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 16 && text.bytes().enumerate().all(|(at, byte)| form(at, byte))
}

/// A schema that was made to restore into.
pub struct Scratch {
    /// The same account and server, with the scratch schema as its database.
    pub(crate) server: Mysql,
}

impl Scratch {
    /// Makes one, with the live database's character set: 77 with the statement that permits it.
    pub fn create(live: &Mysql, name: &str, deadline: &Deadline) -> Result<Self, Failure> {
        if name == live.client.address.database {
            return Err(Failure::new(Exit::BUG, "a scratch schema is never the live one"));
        }
        live.create_schema(name, deadline)?;
        Ok(Self { server: live.of_database(name, deadline)? })
    }

    /// Begins to load a dump into it. One that is not verified may hold less: nothing whose end the client and the server could
    /// see at different places, and nothing that runs by the load itself.
    pub fn load(&self, trust: Trust, deadline: &Deadline) -> Result<Load, Failure> {
        let server = &self.server;
        let rows = server.client.ask("select @@global.max_allowed_packet", deadline)?;
        let packet = rows.first().and_then(|row| row.first()?.parse().ok()).ok_or_else(unexpected)?;
        let (_, account) = server.rights(deadline)?;
        let limits = Limits { packet, grant: rights::grant_definers(&server.version, &account) };
        Load::start(
            server.client.of_database(&server.client.address.database)?,
            limits,
            trust,
            &server.version,
            deadline,
        )
    }

    /// Compares what is in it now with what the dump held, and that with the manifest: 65 when they differ.
    pub fn require_equal(
        &self,
        loaded: &Loaded,
        manifest: Option<&Census>,
        deadline: &Deadline,
    ) -> Result<(), Failure> {
        let found = self.server.census(deadline)?;
        let differs = manifest.and_then(|manifest| difference(manifest, &loaded.census));
        let differs = differs.or_else(|| difference(&loaded.census, &found));
        differs.map_or(Ok(()), |what| {
            let message = format!("what was restored is not what was backed up: {what}");
            Err(Failure::new(Exit::DAMAGED, message))
        })
    }

    /// Removes it with all that it holds.
    pub fn drop_schema(self, live: &Mysql, deadline: &Deadline) -> Result<(), Failure> {
        live.drop_schema(&self.server.client.address.database, deadline)
    }
}

impl Mysql {
    /// The schemas beside this database that a killed run has left, which no plan needs any more: what it was loading, and
    /// what was live before it.
    pub fn abandoned(&self, deadline: &Deadline) -> Result<Vec<String>, Failure> {
        let rows = self.client.ask("select hex(schema_name) from information_schema.schemata", deadline)?;
        let names = rows.iter().map(|row| from_hex(row.first().map_or("", String::as_str)));
        let mut names = names.collect::<Result<Vec<_>, _>>()?;
        names.retain(|name| {
            let time = name.rsplit_once('_').map_or("", |(_, time)| time);
            let is_ours = |word| *name == name_beside(&self.client.address.database, word, time);
            is_time(time) && (is_ours("restore") || is_ours("before"))
        });
        Ok(names)
    }

    /// Removes a schema with all that it holds. Nothing happens when it is not there.
    pub fn drop_schema(&self, name: &str, deadline: &Deadline) -> Result<(), Failure> {
        if name == self.client.address.database {
            return Err(Failure::new(Exit::BUG, "the live database is never dropped"));
        }
        let sql = format!("drop database if exists {}", identifier(name));
        self.change(&format!("remove the schema {}", identifier(name)), &sql, deadline)
    }

    pub(crate) fn create_schema(&self, name: &str, deadline: &Deadline) -> Result<(), Failure> {
        let doing = format!("make the schema {}", identifier(name));
        let sql = "select default_character_set_name, default_collation_name from information_schema.schemata \
                   where schema_name = database()";
        let rows = self.client.ask_in(&doing, sql, deadline)?;
        let [charset, collation] = rows.first().map(Vec::as_slice).unwrap_or_default() else {
            return Err(unexpected());
        };
        let sql =
            format!("create database if not exists {} character set {charset} collate {collation}", identifier(name));
        self.change(&doing, &sql, deadline)
    }

    /// Runs statements on the server; who may not gets the statement that permits it.
    pub(crate) fn change(&self, doing: &str, sql: &str, deadline: &Deadline) -> Result<(), Failure> {
        let Err(trouble) = self.client.run(Some(&self.client.address.database), sql, deadline)? else { return Ok(()) };
        let failure = trouble.failure(doing, &self.client.address, deadline);
        if failure.exit != Exit::NOT_PERMITTED {
            return Err(failure);
        }
        let account = self.rights(deadline).map_or_else(|_| "the account".to_owned(), |(_, account)| account);
        let grant = rights::grant_beside(&self.client.address.database, &account);
        Err(failure.hint(format!("as an administrator: {grant}")))
    }

    pub(crate) fn inventory(&self, deadline: &Deadline) -> Result<Inventory, Failure> {
        Inventory::of(&self.client, &self.version, deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::{is_time, name_beside};

    #[test]
    fn a_name_beside_fits_and_tells_when_it_was_made() {
        assert_eq!(name_beside("app", "restore", "20261121T101500Z"), "app_restore_20261121T101500Z");
        assert!(is_time("20261121T101500Z") && !is_time("20261121T10150_Z") && !is_time("mine") && !is_time(""));
        let long = name_beside(&"ü".repeat(64), "restore", "20261121T101500Z");
        assert!(long.chars().count() == 64 && long.ends_with("ü_restore_20261121T101500Z"));
    }
}
