//! The engine of MySQL and MariaDB: their own client programs do the work, and are told where to connect and as whom by a
//! file that lies in memory only.
//!
//! Tested with MariaDB 10.11. Other versions, and MySQL from 5.7 to 9, are supported by the rules of `version`.

mod client;
mod dumper;
mod inventory;
mod load;
mod options;
mod plan;
mod question;
mod rights;
mod scratch;
mod swap;
mod text;
mod trouble;
mod version;

use std::path::Path;

use kit::{Exit, Failure, Meter};

pub use load::{Load, Loaded};
pub use plan::{Plan, Stage};
pub use question::Asker;
pub use scratch::{Scratch, name_beside};
pub use text::Text;

use crate::address::Address;
use crate::deadline::Deadline;
use crate::engine::{Dump, Format, Server};
use crate::manifest::Census;
use client::{Client, from_hex, unexpected};
use dumper::Dumper;
use rights::Rights;
use trouble::Trouble;
use version::{Family, Version};

/// A MySQL or MariaDB server that answers.
pub struct Mysql {
    client: Client,
    dumper: Dumper,
    version: Version,
}

impl Mysql {
    /// Connects, and finds the programs that fit the server: 69 when it does not answer or there are none, 77 when it does
    /// not let the account in. The database itself may be missing.
    pub fn connect(address: &Address, deadline: &Deadline) -> Result<Self, Failure> {
        let client = Client::find(address, deadline)?;
        let rows = client.ask("select version(); show session status like 'Ssl_cipher'", deadline)?;
        let [told, cipher] = rows.as_slice() else { return Err(unexpected()) };
        client.require_tls(cipher.get(1).map_or("", String::as_str))?;
        let version = Version::of_server(told.first().map_or("", String::as_str));
        let dumper = Dumper::find(&version, deadline)?;
        Ok(Self { client, dumper, version })
    }

    /// The same server and account, another database.
    pub(crate) fn of_database(&self, name: &str, deadline: &Deadline) -> Result<Self, Failure> {
        let dumper = Dumper::find(&self.version, deadline)?;
        Ok(Self { client: self.client.of_database(name)?, dumper, version: self.version.clone() })
    }

    /// What is granted to the account, by itself and by the roles that are active.
    fn rights(&self, deadline: &Deadline) -> Result<(Rights, String), Failure> {
        let mut sql = "select hex(current_user());\n".to_owned();
        if self.version.family == Family::Mysql && self.version.number >= (8, 0) {
            let roles = self.client.ask("select current_role()", deadline)?;
            let roles = roles.first().and_then(|row| row.first()).filter(|roles| *roles != "NONE");
            sql += &roles
                .map_or("show grants".to_owned(), |roles| format!("show grants for current_user() using {roles}"));
        } else {
            sql += "show grants";
        }
        let mut rows = self.client.ask(&sql, deadline)?.into_iter().map(|row| row.join("\t"));
        let user = from_hex(&rows.next().ok_or_else(unexpected)?)?;
        Ok((Rights::of(rows, &self.client.address.database), rights::account(&user)))
    }

    /// The routines whose text is not shown to the account.
    fn hidden_routines(&self, deadline: &Deadline) -> Result<Vec<String>, Failure> {
        let doing = format!("list the routines of {}", self.client.address);
        let sql = "select hex(routine_name) from information_schema.routines \
                   where routine_schema = database() and routine_definition is null";
        let rows = self.client.ask_in(&doing, sql, deadline)?;
        rows.iter().map(|row| from_hex(row.first().map_or("", String::as_str))).collect()
    }
}

impl Server for Mysql {
    fn version(&self) -> &str {
        &self.version.text
    }

    fn client_version(&self) -> &str {
        &self.dumper.version.text
    }

    fn size(&self, deadline: &Deadline) -> Result<Option<u64>, Failure> {
        let doing = format!("measure {}", self.client.address);
        let sql = "select cast(coalesce(sum(data_length + index_length), 0) as unsigned) \
                   from information_schema.tables where table_schema = database()";
        match self.client.run(Some(&self.client.address.database), sql, deadline)? {
            Ok(rows) => rows.first().and_then(|row| row.first()?.parse().ok()).map(Some).ok_or_else(unexpected),
            Err(trouble) if trouble.code == Some(Trouble::UNKNOWN_DATABASE) => Ok(None),
            Err(trouble) => Err(trouble.failure(&doing, &self.client.address, deadline)),
        }
    }

    fn census(&self, deadline: &Deadline) -> Result<Census, Failure> {
        let inventory = self.inventory(deadline)?;
        inventory.count(&self.client, &self.version, deadline)
    }

    fn dump(&self, format: Format, deadline: &Deadline) -> Result<Box<dyn Dump>, Failure> {
        if format != Format::Plain {
            return Err(unsupported(format));
        }
        let inventory = self.inventory(deadline)?;
        Ok(Box::new(self.dumper.start(&self.client, inventory.with_history, deadline)?))
    }

    fn dump_directory(&self, _: &Path, _: u32, _: Meter, _: &Deadline) -> Result<Census, Failure> {
        Err(unsupported(Format::Directory))
    }

    fn warnings(&self, deadline: &Deadline) -> Result<Vec<String>, Failure> {
        let inventory = self.inventory(deadline)?;
        Ok(self.dumper.doubt.clone().into_iter().chain(inventory.warnings()).collect())
    }

    fn prepare(&self, deadline: &Deadline) -> Result<String, Failure> {
        let (rights, account) = self.rights(deadline)?;
        let address = &self.client.address;
        let denied = |what: String, grant: String| {
            let message = format!("{account} may not dump {address}: {what}");
            Err(Failure::new(Exit::NOT_PERMITTED, message).hint(format!("as an administrator: {grant}")))
        };
        let missing = rights.missing();
        if !missing.is_empty() {
            let what =
                format!("it lacks {}, and what it may not see would be missing without a word", missing.join(", "));
            return denied(what, rights::grant(&missing, &address.database, &account));
        }
        let grant = rights::grant_routines(&self.version, &account);
        if !rights.sees_all_routines() {
            return denied("routines that others made are hidden from it".to_owned(), grant);
        }
        match self.hidden_routines(deadline)?.first() {
            Some(routine) if !rights.reads_all_routines() => {
                denied(format!("the text of the routine {} is hidden from it", client::identifier(routine)), grant)
            }
            _ => Ok(String::new()),
        }
    }
}

fn unsupported(format: Format) -> Failure {
    let message = format!("a {format} dump is made of PostgreSQL only; MySQL and MariaDB have the format plain");
    Failure::new(Exit::SETTINGS, message)
}
