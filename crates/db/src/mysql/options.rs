//! How a client program is told where to connect and as whom: an option file that lies in memory only.
//!
//! It is the one option file that the program reads (`--defaults-file`): the user's `~/.my.cnf` is read after every
//! `--defaults-extra-file` and would win, and a `no-data` or `where` in a `[mysqldump]` of `/etc` would make a dump that is
//! only a part and looks whole.

use std::fmt::Write as _;

use kit::memory_file::MemoryFile;
use kit::{Exit, Failure, voice};

use crate::address::Address;
use crate::mysql::version::Family;

/// The longest line that a client reads from an option file is 4095 bytes.
const LONGEST: usize = 4000;

/// How far the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    Disabled,
    Preferred,
    Required,
    Verified,
}

/// What a URL may say behind its `?`, without dashes and underscores, and what it becomes in an option file. An empty name:
/// it is for the app's driver and means nothing here, where everything is read as UTF-8.
const PARAMETERS: [(&str, &str); 16] = [
    ("sslca", "ssl-ca"),
    ("sslrootcert", "ssl-ca"),
    ("sslcapath", "ssl-capath"),
    ("sslcert", "ssl-cert"),
    ("sslkey", "ssl-key"),
    ("sslcipher", "ssl-cipher"),
    ("sslcrl", "ssl-crl"),
    ("tlsversion", "tls-version"),
    ("socket", "socket"),
    ("unixsocket", "socket"),
    ("charset", ""),
    ("characterset", ""),
    ("encoding", ""),
    ("collation", ""),
    ("serverversion", ""),
    ("connecttimeout", "connect-timeout"),
];

/// The content of the option file. It holds the password, so it has no text form.
pub(crate) struct Options {
    text: String,
    pub(crate) tls: Option<Tls>,
}

impl Options {
    /// What an address says, in the words of a family's clients: 78 for a parameter that is not known.
    pub(crate) fn of(address: &Address, family: Family) -> Result<Self, Failure> {
        let mut options = Self { text: "[client]\n".to_owned(), tls: None };
        let mut socket = address.host.as_deref().filter(|_| address.is_socket()).map(str::to_owned);
        let mut patience = String::from("10");
        for (name, value) in &address.parameters {
            match option_of(name)? {
                "ssl-mode" => options.tls = Some(tls(value)?),
                "connect-timeout" => patience.clone_from(value),
                "socket" => socket = Some(value.clone()),
                "" => {}
                option => options.set(option, value)?,
            }
        }
        match (socket, &address.host) {
            (Some(socket), _) => options.set("protocol", "socket").and_then(|()| options.set("socket", &socket))?,
            // `localhost` too is a host here; left alone a client takes it for the socket.
            (None, Some(host)) => {
                options.set("protocol", "tcp")?;
                options.set("host", host)?;
                options.set("port", &address.port.unwrap_or(3306).to_string())?;
            }
            (None, None) => options.set("protocol", "socket")?,
        }
        for (option, value) in [("user", &address.user), ("password", &address.password)] {
            value.as_ref().map(|value| options.set(option, value)).transpose()?;
        }
        options.protect(family);
        // The dumpers do not know this one.
        options.text += "[mysql]\n";
        options.set("connect-timeout", &patience)?;
        Ok(options)
    }

    /// Makes the file, for one program that is about to be started.
    pub(crate) fn file(&self) -> Result<MemoryFile, Failure> {
        MemoryFile::new(self.text.as_bytes())
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), Failure> {
        let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
        if escaped.len() > LONGEST {
            return Err(wrong(&format!("its {option} is longer than {LONGEST} bytes")));
        }
        // Quoted, a value may hold `#`, spaces at its ends, and quotes of the other kind.
        writeln!(self.text, "{option}=\"{escaped}\"").ok();
        Ok(())
    }

    /// MariaDB's clients up to 11.3 take `ssl` for a wish: whether it was granted, the session is asked.
    fn protect(&mut self, family: Family) {
        self.text += match (self.tls, family) {
            (None, _) => "",
            (Some(Tls::Disabled), Family::Mariadb) => "skip-ssl\n",
            (Some(Tls::Preferred | Tls::Required), Family::Mariadb) => "ssl\nskip-ssl-verify-server-cert\n",
            (Some(Tls::Verified), Family::Mariadb) => "ssl\nssl-verify-server-cert\n",
            (Some(Tls::Disabled), Family::Mysql) => "ssl-mode=DISABLED\n",
            (Some(Tls::Preferred), Family::Mysql) => "ssl-mode=PREFERRED\n",
            (Some(Tls::Required), Family::Mysql) => "ssl-mode=REQUIRED\n",
            (Some(Tls::Verified), Family::Mysql) => "ssl-mode=VERIFY_IDENTITY\n",
        };
    }
}

fn option_of(name: &str) -> Result<&'static str, Failure> {
    let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect();
    if matches!(plain.as_str(), "sslmode" | "ssl") {
        return Ok("ssl-mode");
    }
    let known = PARAMETERS.iter().find(|(spelling, _)| *spelling == plain).map(|(_, option)| *option);
    known.ok_or_else(|| wrong(&format!("the parameter `{}` is not known for MySQL", voice::clean_line(name))))
}

/// MySQL's words, libpq's, and yes and no. Who asks for the authority to be verified gets the name verified too: MariaDB's
/// clients know no less.
fn tls(value: &str) -> Result<Tls, Failure> {
    match value.to_lowercase().replace('_', "-").as_str() {
        "disabled" | "disable" | "false" | "0" => Ok(Tls::Disabled),
        "preferred" | "prefer" | "allow" => Ok(Tls::Preferred),
        "required" | "require" | "true" | "1" => Ok(Tls::Required),
        "verify-ca" | "verify-identity" | "verify-full" => Ok(Tls::Verified),
        _ => Err(wrong(&format!("ssl-mode is {:?}", voice::clean_line(value)))
            .hint("ssl-mode is one of: disabled, preferred, required, verify_ca, verify_identity")),
    }
}

fn wrong(why: &str) -> Failure {
    Failure::new(Exit::SETTINGS, format!("cannot understand DATABASE_URL: {why}")).hint(
        "parameters of mysql://…?NAME=VALUE: ssl-mode, ssl-ca, ssl-capath, ssl-cert, ssl-key, ssl-cipher, ssl-crl, tls-version, \
         socket, connect-timeout",
    )
}

#[cfg(test)]
mod tests {
    use super::{Options, Tls};
    use crate::address::Address;
    use crate::mysql::version::Family;
    use kit::process::Program;

    fn options(rest: &str, family: Family) -> Result<Options, kit::Failure> {
        Options::of(&Address::parse("mysql", rest).unwrap(), family)
    }

    fn text(rest: &str) -> String {
        options(rest, Family::Mariadb).unwrap().text
    }

    #[test]
    fn a_host_is_asked_by_tcp_and_a_path_by_the_socket() {
        assert!(
            text("app@localhost/db").contains("protocol=\"tcp\"\nhost=\"localhost\"\nport=\"3306\"\nuser=\"app\"\n")
        );
        assert!(text("app@[::1]:3307/db").contains("host=\"::1\"\nport=\"3307\"\n"));
        for socket in ["app@localhost/db?socket=/run/my sql", "app@/db?host=/run/my sql", "app@%2Frun%2Fmy sql/db"] {
            assert!(text(socket).contains("protocol=\"socket\"\nsocket=\"/run/my sql\"\n"), "{socket}");
        }
        let plain = text("/db");
        assert!(plain.contains("protocol=\"socket\"") && !plain.contains("\nsocket=") && !plain.contains("user"));
    }

    #[test]
    fn protection_is_said_in_the_words_of_the_family() {
        for (mode, tls, mariadb, mysql) in [
            ("disabled", Tls::Disabled, "skip-ssl\n", "ssl-mode=DISABLED\n"),
            ("PREFERRED", Tls::Preferred, "ssl\nskip-ssl-verify", "ssl-mode=PREFERRED\n"),
            ("require", Tls::Required, "ssl\nskip-ssl-verify", "ssl-mode=REQUIRED\n"),
            ("VERIFY_IDENTITY", Tls::Verified, "\nssl-verify-server-cert\n", "ssl-mode=VERIFY_IDENTITY\n"),
            ("verify-full", Tls::Verified, "\nssl-verify-server-cert\n", "ssl-mode=VERIFY_IDENTITY\n"),
        ] {
            for name in ["ssl-mode", "ssl_mode", "sslmode", "sslMode"] {
                let url = format!("app@db/app?{name}={mode}&ssl_ca=/etc/ca.pem&charset=utf8mb4");
                let (of_mariadb, of_mysql) =
                    (options(&url, Family::Mariadb).unwrap(), options(&url, Family::Mysql).unwrap());
                assert_eq!(of_mariadb.tls, Some(tls));
                assert!(of_mariadb.text.contains(mariadb) && of_mysql.text.contains(mysql), "{url}");
                assert!(of_mysql.text.contains("ssl-ca=\"/etc/ca.pem\"\n") && !of_mysql.text.contains("charset"));
            }
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_its_name() {
        for (query, name) in [
            ("allowMultiQueries=1", "allowMultiQueries"),
            ("ssl-mode=maybe", "maybe"),
            ("init-command=x", "init-command"),
        ] {
            let Err(failure) = options(&format!("app:s3cret@db/app?{query}"), Family::Mysql) else { panic!("{query}") };
            assert!(failure.exit.code() == 78 && failure.message.contains(name) && !failure.message.contains("s3cret"));
        }
        let long = "x".repeat(5000);
        assert_eq!(options(&format!("app:{long}@db/app"), Family::Mysql).err().unwrap().exit.code(), 78);
    }

    #[test]
    fn the_client_reads_every_password_as_it_is() {
        for password in [
            "a b",
            " lead",
            "trail ",
            "a#b",
            "#",
            "\"",
            "'",
            "\"a\"",
            "'a'",
            "\\",
            "\\n",
            "a\\",
            "\\\\\"#'",
            "ä日🔑",
            "=;[x]",
            "!include x",
        ] {
            let mut address = Address::parse("mysql", "app@db/app").unwrap();
            address.password = Some(password.to_owned());
            let file = Options::of(&address, Family::Mariadb).unwrap().file().unwrap();
            let defaults = format!("--defaults-file={}", file.path().display());
            for program in ["mariadb", "mariadb-dump"] {
                let printed =
                    Program::find(program).unwrap().args([&defaults, "--print-defaults"]).run().unwrap().text();
                assert!(printed.contains(&format!(" --password={password} ")), "{password}: {printed}");
            }
        }
    }
}
