//! Whether an account may read all that a backup needs. What an account may not see, a server leaves out of its lists: a
//! dump would lack it and look whole.

use crate::mysql::client::identifier;
use crate::mysql::version::{Family, Version};

/// What must be granted on the database, and what of it is missing without a word otherwise.
const NEEDED: [&str; 4] = ["SELECT", "SHOW VIEW", "TRIGGER", "EVENT"];

/// One of these on the database shows the names of its routines.
const SHOW_ROUTINES: [&str; 3] = ["EXECUTE", "ALTER ROUTINE", "CREATE ROUTINE"];

/// What an account has, of a database and everywhere.
#[derive(Debug, Default)]
pub(crate) struct Rights {
    everywhere: Vec<String>,
    in_database: Vec<String>,
    reads_proc: bool,
}

impl Rights {
    /// Understands the lines of `SHOW GRANTS`, as far as they concern this database.
    pub(crate) fn of(lines: impl IntoIterator<Item = impl AsRef<str>>, database: &str) -> Self {
        let mut rights = Self::default();
        for line in lines {
            let Some((privileges, object)) = parse(line.as_ref()) else { continue };
            let privileges = privileges.split(',').map(|name| name.trim().to_uppercase());
            if object == "*.*" {
                rights.everywhere.extend(privileges);
            } else if object == "`mysql`.`proc`" || object == "`mysql`.*" {
                rights.reads_proc |= { privileges }.any(|name| name == "SELECT" || is_all(&name));
            } else if object.strip_suffix(".*").and_then(unquoted).is_some_and(|pattern| matches(&pattern, database)) {
                rights.in_database.extend(privileges);
            }
        }
        rights
    }

    /// What is missing on the database.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        NEEDED.into_iter().filter(|name| !self.has(name)).collect()
    }

    /// Whether it reads every routine, whoever made it.
    pub(crate) fn reads_all_routines(&self) -> bool {
        let global = |name: &str| self.everywhere.iter().any(|own| own == name || is_all(own));
        self.reads_proc
            || global("SELECT")
            || global("SHOW_ROUTINE")
            || global("SHOW CREATE ROUTINE")
            || self.in_database.iter().any(|own| own == "SHOW CREATE ROUTINE")
    }

    /// Whether the names of all routines are shown to it.
    pub(crate) fn sees_all_routines(&self) -> bool {
        self.reads_all_routines() || SHOW_ROUTINES.iter().any(|name| self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        self.everywhere.iter().chain(&self.in_database).any(|own| own == name || is_all(own))
    }
}

/// The statement that grants what is missing on a database; in it a name is a pattern.
pub(crate) fn grant(privileges: &[&str], database: &str, account: &str) -> String {
    let pattern = database.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    format!("GRANT {} ON {}.* TO {account}", privileges.join(", "), identifier(&pattern))
}

/// The statement that lets an account restore beside a database.
pub(crate) fn grant_beside(database: &str, account: &str) -> String {
    let pattern = database.replace('\\', "\\\\").replace('_', "\\_").replace('%', "\\%");
    format!("GRANT ALL ON {}.* TO {account}", identifier(&format!("{pattern}\\_%")))
}

/// The statement that lets an account read routines that others made.
pub(crate) fn grant_routines(server: &Version, account: &str) -> String {
    match (server.family, server.number) {
        (Family::Mysql, number) if number >= (8, 0) => format!("GRANT SHOW_ROUTINE ON *.* TO {account}"),
        (Family::Mariadb, number) if number >= (11, 3) => format!("GRANT SHOW CREATE ROUTINE ON *.* TO {account}"),
        _ => format!("GRANT SELECT ON mysql.proc TO {account}"),
    }
}

/// The statement that lets an account name others as the definers of what it makes.
pub(crate) fn grant_definers(server: &Version, account: &str) -> String {
    let privilege = match (server.family, server.number) {
        (Family::Mariadb, number) if number >= (10, 5) => "SET USER",
        (Family::Mysql, number) if number >= (8, 2) => "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER",
        (Family::Mysql, number) if number >= (8, 0) => "SET_USER_ID",
        _ => "SUPER",
    };
    format!("GRANT {privilege} ON *.* TO {account}")
}

/// `app@%` as a statement writes it: `'app'@'%'`.
pub(crate) fn account(current_user: &str) -> String {
    let (user, host) = current_user.rsplit_once('@').unwrap_or((current_user, "%"));
    format!("{}@{}", literal(user), literal(host))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn is_all(name: &str) -> bool {
    name == "ALL" || name == "ALL PRIVILEGES"
}

/// The privileges and the object of `GRANT … ON … TO …`; `None` for what grants a role, or a routine.
fn parse(line: &str) -> Option<(&str, &str)> {
    let (privileges, rest) = line.strip_prefix("GRANT ")?.split_once(" ON ")?;
    // A name may hold ` TO `: the object ends at the first one outside backticks.
    let mut quoted = false;
    let end = rest.char_indices().find(|(at, c)| {
        quoted ^= *c == '`';
        !quoted && rest.get(*at..).is_some_and(|rest| rest.starts_with(" TO "))
    });
    Some((privileges, rest.get(..end?.0)?))
}

fn unquoted(name: &str) -> Option<String> {
    Some(name.strip_prefix('`')?.strip_suffix('`')?.replace("``", "`"))
}

/// Whether a pattern of a grant fits: `%` stands for anything, `_` for one character, `\` takes that from what follows.
fn matches(pattern: &str, name: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => name.is_empty(),
        Some('%') => {
            let mut starts = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            starts.any(|at| name.get(at..).is_some_and(|rest| matches(letters.as_str(), rest)))
        }
        Some(letter) => {
            let is_any = letter == '_';
            let letter = if letter == '\\' { letters.next().unwrap_or(letter) } else { letter };
            let mut rest = name.chars();
            rest.next().is_some_and(|c| is_any || c == letter) && matches(letters.as_str(), rest.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Rights, account, grant, grant_beside, grant_definers, grant_routines, matches};
    use crate::mysql::version::Version;

    #[test]
    fn a_pattern_of_a_grant_fits_what_the_server_says_it_does() {
        for (pattern, name, fits) in [
            ("app", "app", true),
            ("app", "apps", false),
            ("app\\_x", "app_x", true),
            ("app\\_x", "appyx", false),
            ("app_x", "appyx", true),
            ("%", "", true),
            ("a%c%", "abcx", true),
            ("a%c%", "abx", false),
            ("a\\%", "a%", true),
            ("a\\%", "ab", false),
            ("größ_", "größe", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let rights = |lines: &[&str]| Rights::of(lines, "my_app");
        let nothing = rights(&[
            "GRANT USAGE ON *.* TO `app`@`%` IDENTIFIED BY PASSWORD '*1'",
            "GRANT ALL PRIVILEGES ON `other`.* TO `app`@`%`",
        ]);
        assert_eq!(nothing.missing(), ["SELECT", "SHOW VIEW", "TRIGGER", "EVENT"]);
        assert!(!nothing.sees_all_routines());
        let some = rights(&[
            "GRANT SELECT, SHOW VIEW ON `my\\_app`.* TO `app`@`%`",
            "GRANT EVENT ON *.* TO `app`@`%` WITH GRANT OPTION",
        ]);
        assert_eq!(some.missing(), ["TRIGGER"]);
        assert!(!some.sees_all_routines());
        let all = rights(&["GRANT ALL PRIVILEGES ON `my\\_%`.* TO `app`@`%`"]);
        assert!(all.missing().is_empty() && all.sees_all_routines() && !all.reads_all_routines());
        for line in [
            "GRANT SELECT ON `mysql`.`proc` TO `app`@`%`",
            "GRANT SELECT, RELOAD ON *.* TO `app`@`%`",
            "GRANT SHOW_ROUTINE ON *.* TO `app`@`%`",
            "GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost`",
        ] {
            assert!(rights(&[line]).reads_all_routines(), "{line}");
        }
        let tricky = Rights::of(
            [
                "GRANT `role` TO `app`@`%`",
                "GRANT SELECT ON `a TO b`.* TO `app`@`%`",
                "GRANT EXECUTE ON PROCEDURE `a`.`b` TO x",
            ],
            "a TO b",
        );
        assert_eq!(tricky.missing(), ["SHOW VIEW", "TRIGGER", "EVENT"]);
    }

    #[test]
    fn the_grant_can_be_copied() {
        assert_eq!(
            grant(&["SELECT", "EVENT"], "my_a`p", &account("o'app@%")),
            "GRANT SELECT, EVENT ON `my\\_a``p`.* TO 'o''app'@'%'"
        );
        assert_eq!(grant_beside("my_app", "'a'@'%'"), "GRANT ALL ON `my\\_app\\_%`.* TO 'a'@'%'");
        let definers = |version: &str| grant_definers(&Version::of_server(version), "x");
        assert_eq!(definers("10.11.14-MariaDB"), "GRANT SET USER ON *.* TO x");
        assert_eq!(definers("10.4.1-MariaDB"), "GRANT SUPER ON *.* TO x");
        assert_eq!(definers("8.0.36"), "GRANT SET_USER_ID ON *.* TO x");
        assert_eq!(definers("8.4.0"), "GRANT SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER ON *.* TO x");
        let routines = |version: &str| grant_routines(&Version::of_server(version), "'a'@'%'");
        assert_eq!(routines("10.11.14-MariaDB"), "GRANT SELECT ON mysql.proc TO 'a'@'%'");
        assert_eq!(routines("11.4.2-MariaDB"), "GRANT SHOW CREATE ROUTINE ON *.* TO 'a'@'%'");
        assert_eq!(routines("8.0.36"), "GRANT SHOW_ROUTINE ON *.* TO 'a'@'%'");
        assert_eq!(routines("5.7.44"), "GRANT SELECT ON mysql.proc TO 'a'@'%'");
    }
}
