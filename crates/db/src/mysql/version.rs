//! Which server that is, and which client programs fit it.

/// Two products that grew apart, under programs of the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Mariadb,
    Mysql,
}

/// A version of a server or of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) family: Family,
    /// Major and minor.
    pub(crate) number: (u32, u32),
    /// As it was said: `10.11.14-MariaDB-0+deb12u1`.
    pub(crate) text: String,
}

/// Whether a dumper can be trusted with a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    Good,
    /// It works for all we know, and a person should know.
    Doubtful(String),
    /// It is known to leave something out.
    Bad(String),
}

impl Version {
    /// What `SELECT VERSION()` answers: `8.0.36-0ubuntu0.22.04.1`, `10.11.14-MariaDB`, `5.5.5-10.6.12-MariaDB` (a MariaDB that
    /// hides behind an old number from old replicas).
    pub(crate) fn of_server(text: &str) -> Self {
        let family = if text.contains("MariaDB") { Family::Mariadb } else { Family::Mysql };
        let shown = text.strip_prefix("5.5.5-").filter(|_| family == Family::Mariadb).unwrap_or(text);
        Self { family, number: number(shown), text: shown.to_owned() }
    }

    /// What `--version` prints. The number behind `Ver` is the program's own, and of no use, where `Distrib` or `from` follows.
    pub(crate) fn of_client(printed: &str) -> Self {
        let family = if printed.contains("MariaDB") { Family::Mariadb } else { Family::Mysql };
        let mut words = printed.split_whitespace();
        let behind = |name: &str| printed.split_whitespace().skip_while(|word| *word != name).nth(1);
        let found = behind("Distrib").or_else(|| behind("from")).or_else(|| behind("Ver")).or_else(|| words.next());
        let text = found.unwrap_or_default().trim_end_matches(',').to_owned();
        Self { family, number: number(&text), text }
    }

    /// Whether this dumper writes everything that this server holds.
    pub(crate) fn dumps(&self, server: &Self) -> Fit {
        let (own, its) = (&self.text, &server.text);
        match (self.family, server.family) {
            // It takes sequences for tables, and loses packages and the history of versioned tables.
            (Family::Mysql, Family::Mariadb) => Fit::Bad(format!("mysqldump {own} of MySQL cannot dump MariaDB {its}")),
            (Family::Mariadb, Family::Mysql) => Fit::Doubtful(format!(
                "MySQL {its} is dumped by MariaDB's dumper {own}; that of MySQL is the safer choice: install mysql-client"
            )),
            // Sequences came with 10.3; an older dumper leaves them out and says nothing.
            (Family::Mariadb, Family::Mariadb) if self.number < (10, 3) && server.number >= (10, 3) => {
                Fit::Bad(format!("mariadb-dump {own} leaves out the sequences of MariaDB {its}"))
            }
            // mysqldump 5.7 asks MySQL 8 for tables that it does not have.
            (Family::Mysql, Family::Mysql) if self.number < (8, 0) && server.number >= (8, 0) => {
                Fit::Bad(format!("mysqldump {own} cannot dump MySQL {its}"))
            }
            _ if self.number < server.number => {
                Fit::Doubtful(format!("the dumper {own} is older than the server {its}"))
            }
            _ => Fit::Good,
        }
    }
}

impl Family {
    /// Dumper and client, those of the server's own family first.
    pub(crate) fn programs(self) -> [(&'static str, &'static str); 2] {
        let mut programs = [("mariadb-dump", "mariadb"), ("mysqldump", "mysql")];
        if self == Self::Mysql {
            programs.reverse();
        }
        programs
    }

    /// The package that holds its programs.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Mariadb => "mariadb-client",
            Self::Mysql => "mysql-client",
        }
    }
}

fn number(text: &str) -> (u32, u32) {
    let mut parts = text.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::{Family, Fit, Version};

    #[test]
    fn servers_are_told_apart_by_what_they_say() {
        for (text, family, number) in [
            ("10.11.14-MariaDB-0+deb12u1", Family::Mariadb, (10, 11)),
            ("5.5.5-10.6.12-MariaDB-log", Family::Mariadb, (10, 6)),
            ("11.4.2-MariaDB-ubu2404", Family::Mariadb, (11, 4)),
            ("5.7.44-log", Family::Mysql, (5, 7)),
            ("8.0.36-0ubuntu0.22.04.1", Family::Mysql, (8, 0)),
            ("8.0.35-27", Family::Mysql, (8, 0)),
            ("8.0.mysql_aurora.3.05.2", Family::Mysql, (8, 0)),
            ("9.1.0", Family::Mysql, (9, 1)),
            ("", Family::Mysql, (0, 0)),
        ] {
            let version = Version::of_server(text);
            assert_eq!((version.family, version.number), (family, number), "{text}");
        }
        assert_eq!(Version::of_server("5.5.5-10.6.12-MariaDB").text, "10.6.12-MariaDB");
    }

    #[test]
    fn programs_are_told_apart_by_what_they_print() {
        for (printed, family, text) in [
            (
                "mariadb-dump  Ver 10.19 Distrib 10.11.14-MariaDB, for debian-linux-gnu (x86_64)",
                Family::Mariadb,
                "10.11.14-MariaDB",
            ),
            ("mariadb-dump from 11.4.2-MariaDB, client 10.19 for Linux (x86_64)", Family::Mariadb, "11.4.2-MariaDB"),
            (
                "mysql  Ver 15.1 Distrib 10.1.48-MariaDB, for Linux (x86_64) using readline 5.1",
                Family::Mariadb,
                "10.1.48-MariaDB",
            ),
            ("mysqldump  Ver 10.13 Distrib 5.7.44, for Linux (x86_64)", Family::Mysql, "5.7.44"),
            ("mysqldump  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", Family::Mysql, "8.0.36"),
            ("mysqldump  Ver 9.1.0 for Linux on x86_64 (MySQL Community Server - GPL)", Family::Mysql, "9.1.0"),
        ] {
            let version = Version::of_client(printed);
            assert_eq!((version.family, version.text.as_str()), (family, text), "{printed}");
        }
    }

    #[test]
    fn a_dumper_that_leaves_something_out_is_refused() {
        let client = |text: &str| Version::of_client(&format!("dump  Ver 1 Distrib {text}, for Linux"));
        let fits = |dumper: &str, server: &str| client(dumper).dumps(&Version::of_server(server));
        for (dumper, server) in [
            ("10.11.14-MariaDB", "10.11.14-MariaDB"),
            ("11.4.2-MariaDB", "10.3.1-MariaDB"),
            ("10.2.1-MariaDB", "10.2.9-MariaDB"),
            ("8.0.36", "8.0.11"),
            ("8.4.0", "5.7.44"),
        ] {
            assert_eq!(fits(dumper, server), Fit::Good, "{dumper} {server}");
        }
        for (dumper, server) in
            [("10.11.14-MariaDB", "8.0.36"), ("10.11.14-MariaDB", "11.4.2-MariaDB"), ("8.0.36", "9.1.0")]
        {
            assert!(matches!(fits(dumper, server), Fit::Doubtful(_)), "{dumper} {server}");
        }
        for (dumper, server) in
            [("8.0.36", "10.11.14-MariaDB"), ("5.7.44", "8.0.36"), ("10.2.44-MariaDB", "10.3.1-MariaDB")]
        {
            assert!(matches!(fits(dumper, server), Fit::Bad(_)), "{dumper} {server}");
        }
    }

    #[test]
    fn the_programs_of_the_servers_own_family_come_first() {
        assert_eq!(Family::Mariadb.programs()[0], ("mariadb-dump", "mariadb"));
        assert_eq!(Family::Mysql.programs()[0], ("mysqldump", "mysql"));
    }
}
