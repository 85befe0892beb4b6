//! A question to a live database, in a transaction that can only read, through the client program. It prints XML: its other
//! forms show NULL as a text that a value may be.

use std::fs::File;

use kit::memory_file::MemoryFile;
use kit::process::Status;
use kit::{Attempt, Failure};

use crate::address::Address;
use crate::answer::{Answer, Place, Printed, Reply, too_much};
use crate::deadline::Deadline;
use crate::mysql::client::{Client, program};
use crate::mysql::options::Options;
use crate::mysql::trouble::Trouble;
use crate::mysql::version::Family;

/// What the client is told: no command of its own is understood in a query, a lost connection is not made anew outside of the
/// transaction, and rows are printed as they come.
const ARGUMENTS: [&str; 7] =
    ["--batch", "--xml", "--quick", "--binary-mode", "--skip-reconnect", "--no-auto-rehash", "--local-infile=0"];

/// Whom to ask, and with which program.
pub struct Asker {
    client: Client,
}

impl Asker {
    /// Refuses an address that says what no client understands: 78.
    pub fn check(address: &Address) -> Result<(), Failure> {
        Options::of(address, Family::Mariadb).map(drop)
    }

    /// Finds a client: 69 when none is installed.
    pub fn find(address: &Address, deadline: &Deadline) -> Result<Self, Failure> {
        Ok(Self { client: Client::find(address, deadline)? })
    }

    /// Asks one query. A failure is ours: the client cannot be started, say.
    pub fn ask(&self, sql: &str, places: &[Place], deadline: &Deadline) -> Result<Reply, Failure> {
        let address = &self.client.address;
        let doing = format!("ask {address}");
        let file = self.client.file()?;
        let script = MemoryFile::new(script(sql, deadline).as_bytes())?;
        let stdin = File::open(script.path()).attempt("open a file in memory")?;
        let client = program(self.client.name, &file)?.args(ARGUMENTS).arg(format!("--database={}", address.database));
        let client = client.stdin(stdin).deadline(deadline.remaining());
        let (printed, ended) = match Printed::of(client.produce()?)? {
            Printed::All(printed, ended) => (printed, ended),
            Printed::TooMuch => return Ok(too_much(&doing)),
        };
        if ended.status.is_success() {
            let mut rows = rows(&String::from_utf8_lossy(&printed)).into_iter();
            let cipher = rows.next().and_then(|row| row.into_iter().nth(1)).flatten();
            return Ok(match self.client.require_tls(&cipher.unwrap_or_default()) {
                Ok(()) => Reply::Answer(Answer::of(&rows.collect::<Vec<_>>(), places)),
                Err(unprotected) => Reply::Refused(unprotected.message),
            });
        }
        let trouble = Trouble::of(&ended);
        // MariaDB's and MySQL's words for a statement that took longer than it may.
        if ended.status == Status::Deadline || matches!(trouble.code, Some(1969 | 3024)) {
            return Ok(Reply::Late);
        }
        Ok(Reply::Refused(trouble.failure(&doing, address, deadline).message))
    }
}

/// Whether the connection is protected, and the query, in a transaction that can only read. Each server takes the limit that is
/// meant for it from the comments: to the other one it is none, for MariaDB passes over comments for MySQL 5.7.7 and later.
fn script(sql: &str, deadline: &Deadline) -> String {
    let left = deadline.remaining();
    let (seconds, milliseconds) = (left.as_secs_f64().max(0.001), left.as_millis().max(1));
    format!(
        "show session status like 'Ssl_cipher';\n\
         set session transaction read only;\n\
         set @limited = 1 /*M!100101 , max_statement_time = {seconds:.3} */ /*!50708 , max_execution_time = {milliseconds} */;\n\
         start transaction read only;\n{sql}\n;\n"
    )
}

/// The rows of a `<resultset>`. In texts `<` is always written `&lt;`.
fn rows(printed: &str) -> Vec<Vec<Option<String>>> {
    printed.split("<row>").skip(1).map(|row| row.split("<field ").skip(1).map(value).collect()).collect()
}

/// What stands behind `<field `: `name="a">1</field>` or `name="a" xsi:nil="true" />`.
fn value(field: &str) -> Option<String> {
    let (head, text) = field.split_once('>')?;
    let text = text.split_once("</field>").map_or("", |(text, _)| text);
    (!head.ends_with("xsi:nil=\"true\" /")).then(|| unescape(text))
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::rows;

    #[test]
    fn null_is_no_text_and_markup_in_a_text_is_none() {
        let printed = "<?xml version=\"1.0\"?>\n\n<resultset statement=\"select &lt;row&gt;\" xmlns:xsi=\"http://x\">\n  <row>\n\
            \t<field name=\"a&lt;&quot;&gt;\">1</field>\n\t<field name=\"b\" xsi:nil=\"true\" />\n\
            \t<field name=\"c\">&amp;lt;&lt;/field&gt;\n</field>\n\t<field name=\"d\"></field>\n  </row>\n  <row>\n\
            \t<field name=\"a\">NULL</field>\n  </row>\n</resultset>\n";
        let text = |text: &str| Some(text.to_owned());
        let first = vec![text("1"), None, text("&lt;</field>\n"), text("")];
        assert_eq!(rows(printed), [first, vec![text("NULL")]]);
        assert!(rows("<?xml version=\"1.0\"?>\n\n<resultset statement=\"select 1 where 0\"></resultset>\n").is_empty());
    }
}
