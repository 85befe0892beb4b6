//! What a client's last words mean: which exit code, and which sentence.

use kit::process::{Ended, Status};
use kit::{Exit, Failure, voice};

/// Words of a server or a client, and the code that they deserve. The first that fits counts: "connection to server … failed"
/// stands in front of why. The codes of five characters are SQLSTATEs (PostgreSQL, Appendix A), which are the same in
/// every language.
const MEANINGS: [(&str, Exit); 41] = [
    (" 55006: ", Exit::BUSY),
    (" 57014: ", Exit::DEADLINE),
    ("statement timeout", Exit::DEADLINE),
    (" 42501: ", Exit::NOT_PERMITTED),
    ("permission denied", Exit::NOT_PERMITTED),
    ("row-level security", Exit::NOT_PERMITTED),
    ("must be owner", Exit::NOT_PERMITTED),
    ("must be superuser", Exit::NOT_PERMITTED),
    ("must be able to SET ROLE", Exit::NOT_PERMITTED),
    ("must be member", Exit::NOT_PERMITTED),
    ("authentication failed", Exit::NOT_PERMITTED),
    ("no password supplied", Exit::NOT_PERMITTED),
    ("is not permitted to log in", Exit::NOT_PERMITTED),
    ("pg_hba.conf", Exit::NOT_PERMITTED),
    ("FATAL:  role \"", Exit::NOT_PERMITTED),
    ("private key file", Exit::NOT_PERMITTED),
    (" 3D000: ", Exit::ABSENT),
    ("FATAL:  database \"", Exit::ABSENT),
    (" 53100: ", Exit::IO),
    (" 57P", Exit::UNAVAILABLE),
    (" 08", Exit::UNAVAILABLE),
    (" 53300: ", Exit::UNAVAILABLE),
    ("invalid sslmode value", Exit::SETTINGS),
    ("invalid port number", Exit::SETTINGS),
    ("value: \"", Exit::SETTINGS),
    ("connection to server", Exit::UNAVAILABLE),
    ("could not connect", Exit::UNAVAILABLE),
    ("could not translate host name", Exit::UNAVAILABLE),
    ("server closed the connection", Exit::UNAVAILABLE),
    ("terminating connection", Exit::UNAVAILABLE),
    ("connection to client lost", Exit::UNAVAILABLE),
    ("connection not open", Exit::UNAVAILABLE),
    ("no connection to the server", Exit::UNAVAILABLE),
    ("connection pointer is NULL", Exit::UNAVAILABLE),
    ("the database system is", Exit::UNAVAILABLE),
    ("too many clients", Exit::UNAVAILABLE),
    ("remaining connection slots", Exit::UNAVAILABLE),
    ("too many connections", Exit::UNAVAILABLE),
    ("SSL error", Exit::UNAVAILABLE),
    ("could not receive data from server", Exit::UNAVAILABLE),
    ("could not send data to server", Exit::UNAVAILABLE),
];

/// psql's own status for a connection that it did not get, or lost.
const NO_CONNECTION: Status = Status::Exit(2);

/// Why a client failed while it was `doing` something: 66 for a database that is not there, 69 for a server that is not,
/// 75 for
/// a database that somebody uses, 77 for what the role may not, 124 when it took too long, else 74.
pub(crate) fn failure(doing: &str, ended: &Ended) -> Failure {
    let said = String::from_utf8_lossy(&ended.stderr);
    let meaning = MEANINGS.iter().find(|(words, _)| said.contains(words)).map(|(_, exit)| *exit);
    let exit = match (ended.status, meaning) {
        (Status::Deadline, _) => Exit::DEADLINE,
        (Status::Signal(_), _) => Exit::IO,
        (_, Some(exit)) => exit,
        (NO_CONNECTION, None) => Exit::UNAVAILABLE,
        (_, None) => Exit::IO,
    };
    let words = match words(&said) {
        Some(words) if !matches!(ended.status, Status::Deadline | Status::Signal(_)) => words,
        _ => format!("it {}", ended.status.spell()),
    };
    let failure = Failure::new(exit, format!("cannot {doing}: {}", voice::clean_line(&words)));
    match exit {
        Exit::UNAVAILABLE => failure.hint("is the server running, and are host and port of DATABASE_URL right?"),
        _ => failure,
    }
}

/// The line that says what is wrong, without what stands in front of it: the client's name, the place in its input.
fn words(said: &str) -> Option<String> {
    let marks = ["FATAL:  ", "PANIC:  ", "ERROR:  ", "error: "];
    let line = said.lines().find(|line| marks.iter().any(|mark| line.contains(mark)));
    let line = line.or_else(|| said.lines().find(|line| !line.trim().is_empty()))?;
    let behind = marks.iter().find_map(|mark| line.split_once(mark)).map_or(line, |(_, behind)| behind);
    Some(without_state(behind).trim().to_owned())
}

/// A message without the SQLSTATE in front of it.
fn without_state(message: &str) -> &str {
    let is_state = |text: &str| text.len() == 5 && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    message.split_once(": ").filter(|(state, _)| is_state(state)).map_or(message, |(_, message)| message)
}

#[cfg(test)]
mod tests {
    use super::failure;
    use kit::process::{Ended, Status};

    fn of(code: u8, stderr: &str) -> (u8, String) {
        let ended = Ended { status: Status::Exit(code), stdout: Vec::new(), stderr: stderr.as_bytes().to_vec() };
        let failure = failure("connect to postgres://db/app", &ended);
        (failure.exit.code(), failure.message)
    }

    #[test]
    fn what_a_client_says_last_decides_the_code_and_the_sentence() {
        let server = "psql: error: connection to server at \"127.0.0.1\", port 1 failed: ";
        for (code, stderr, exit, words) in [
            (2, format!("{server}Connection refused\n\tIs the server running?\n"), 69, "Connection refused"),
            (2, format!("{server}FATAL:  password authentication failed for user \"app\""), 77, "password"),
            (2, format!("{server}FATAL:  database \"app\" does not exist"), 66, "database \"app\" does not exist"),
            (2, format!("{server}FATAL:  Datenbank »app« existiert nicht"), 69, "Datenbank"),
            (2, "psql: error: invalid sslmode value: \"x\"".to_owned(), 78, "invalid sslmode value: \"x\""),
            (3, "psql:<stdin>:3: ERROR:  42501: keine Berechtigung\nLOCATION:  aclcheck".to_owned(), 77, "keine"),
            (3, "psql:<stdin>:3: ERROR:  57014: canceling statement".to_owned(), 124, "canceling statement"),
            (3, "psql:<stdin>:3: ERROR:  22012: division by zero".to_owned(), 74, "division by zero"),
            (1, "pg_dump: error: query failed: ERROR:  permission denied for table t".to_owned(), 77, "permission"),
            (1, String::new(), 74, "it exited with 1"),
        ] {
            let (is, message) = of(code, &stderr);
            assert_eq!(is, exit, "{stderr}");
            assert!(message.contains(words) && !message.contains("psql:<stdin>"), "{message}");
        }
    }
}
