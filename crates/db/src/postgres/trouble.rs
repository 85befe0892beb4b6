//! What a client's last words mean: which exit code, and which sentence.

use kit::process::{Ended, Status};
use kit::{Exit, Failure, voice};

/// Beginnings of SQLSTATEs (PostgreSQL, Appendix A), which are the same in every language, and the codes that they deserve. The
/// first that fits counts; any other is [`Exit::IO`].
const STATES: [(&str, Exit); 9] = [
    ("55006", Exit::BUSY),
    ("57014", Exit::DEADLINE),
    ("42501", Exit::NOT_PERMITTED),
    ("28", Exit::NOT_PERMITTED),
    ("3D000", Exit::ABSENT),
    ("57P", Exit::UNAVAILABLE),
    ("08", Exit::UNAVAILABLE),
    ("53300", Exit::UNAVAILABLE),
    ("", Exit::IO),
];

/// Where no SQLSTATE is told: words of a client, which are English, and of a server that speaks English, in front of the end that
/// every refusal at the door has. The first that fits counts: "connection to server … failed" stands in front of why.
const WORDS: [(&str, Exit); 33] = [
    ("statement timeout", Exit::DEADLINE),
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
    ("FATAL:  database \"", Exit::ABSENT),
    ("invalid sslmode value", Exit::SETTINGS),
    ("invalid port number", Exit::SETTINGS),
    ("value: \"", Exit::SETTINGS),
    ("the database system is", Exit::UNAVAILABLE),
    ("too many clients", Exit::UNAVAILABLE),
    ("remaining connection slots", Exit::UNAVAILABLE),
    ("too many connections", Exit::UNAVAILABLE),
    ("SSL error", Exit::UNAVAILABLE),
    ("server closed the connection", Exit::UNAVAILABLE),
    ("terminating connection", Exit::UNAVAILABLE),
    ("connection to client lost", Exit::UNAVAILABLE),
    ("connection not open", Exit::UNAVAILABLE),
    ("no connection to the server", Exit::UNAVAILABLE),
    ("connection pointer is NULL", Exit::UNAVAILABLE),
    ("could not receive data from server", Exit::UNAVAILABLE),
    ("could not send data to server", Exit::UNAVAILABLE),
    ("could not connect", Exit::UNAVAILABLE),
    ("could not translate host name", Exit::UNAVAILABLE),
    (AT_THE_DOOR, Exit::UNAVAILABLE),
];

/// What stands in front of why a connection was not made, whoever says why.
const AT_THE_DOOR: &str = "connection to server";

/// psql's own status for a connection that it did not get, or lost.
const NO_CONNECTION: Status = Status::Exit(2);

/// Why a client failed while it was `doing` something: 66 for a database that is not there, 69 for a server that is not, 75 for
/// a database that somebody uses, 77 for what the role may not, 124 when it took too long, else 74.
pub(crate) fn failure(doing: &str, ended: &Ended) -> Failure {
    let said = String::from_utf8_lossy(&ended.stderr);
    let exit = match (ended.status, meaning(&said)) {
        (Status::Deadline, _) => Exit::DEADLINE,
        (Status::Signal(_), _) => Exit::IO,
        (_, Some((_, exit))) => exit,
        (NO_CONNECTION, None) => Exit::UNAVAILABLE,
        (_, None) => Exit::IO,
    };
    of(exit, doing, ended)
}

/// The same where the code is known.
pub(crate) fn of(exit: Exit, doing: &str, ended: &Ended) -> Failure {
    let said = String::from_utf8_lossy(&ended.stderr);
    let words = match words(&said) {
        Some(words) if !matches!(ended.status, Status::Deadline | Status::Signal(_)) => words,
        _ => format!("it {}", ended.status.spell()),
    };
    let failure = Failure::new(exit, format!("cannot {doing}: {}", voice::clean_line(&words)));
    match exit {
        Exit::UNAVAILABLE => failure.hint("is the server running, and are host and port of DATABASE_URL right?"),
        Exit::NOT_PERMITTED if ended.status == NO_CONNECTION => {
            failure.hint("are user and password of DATABASE_URL right, and does pg_hba.conf let them in?")
        }
        _ => failure,
    }
}

/// What a server says that lets nobody in, when it says it in words that are not known.
pub(crate) fn foreign_refusal(ended: &Ended) -> Option<String> {
    let said = String::from_utf8_lossy(&ended.stderr);
    let is_unknown = meaning(&said).is_none_or(|(words, _)| words == AT_THE_DOOR);
    let refusal = by_server(&said).filter(|_| ended.status == NO_CONNECTION && is_unknown)?;
    Some(refusal.to_owned())
}

/// What decides the code, and the code.
fn meaning(said: &str) -> Option<(&'static str, Exit)> {
    if let Some((state, _)) = by_server(said).and_then(state) {
        return STATES.into_iter().find(|(begin, _)| state.starts_with(begin));
    }
    WORDS.into_iter().find(|(words, _)| said.contains(words))
}

/// What the server has said, with the SQLSTATE where that is told: in every language there is one word, a colon and two spaces in
/// front of it. Warnings (the classes 00 to 02) are passed over; those at the door have no SQLSTATE, and a client puts nothing in
/// front of them, as it does with an error.
fn by_server(said: &str) -> Option<&str> {
    let messages = || said.lines().filter_map(|line| line.split_once(":  ")).filter(|(_, message)| !message.is_empty());
    let has_state = |message: &&str| state(message).is_some_and(|(state, _)| state >= "03");
    let with_state = messages().map(|(_, message)| message).find(has_state);
    let is_an_answer = |(before, message): &(&str, &str)| before.contains(": ") && state(message).is_none();
    with_state.or_else(|| messages().find(is_an_answer).map(|(_, message)| message))
}

/// The SQLSTATE in front of a message, and the rest.
fn state(message: &str) -> Option<(&str, &str)> {
    let is_state = |text: &str| {
        let is_short = text.len() == 5 && text.bytes().any(|b| b.is_ascii_digit());
        is_short && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    };
    message.split_once(": ").filter(|(state, _)| is_state(state))
}

/// The line that says what is wrong, without what stands in front of it: the client's name, the place in its input.
fn words(said: &str) -> Option<String> {
    let by_client = || said.lines().find_map(|line| Some(line.split_once("error: ")?.1));
    let line = by_server(said).map(|message| state(message).map_or(message, |(_, rest)| rest));
    let line = line.or_else(by_client).or_else(|| said.lines().find(|line| !line.trim().is_empty()))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{failure, foreign_refusal};
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
            (2, format!("{server}FATAL:  Datenbank »app« existiert nicht"), 69, "Datenbank »app« existiert nicht"),
            (2, format!("{server}ÖLÜMCÜL (FATAL):  \"app\" veritabanı mevcut değil"), 69, "\"app\" veritabanı"),
            (2, "psql: error: invalid sslmode value: \"x\"".to_owned(), 78, "invalid sslmode value: \"x\""),
            (3, "psql:<stdin>:3: ERROR:  42501: keine Berechtigung\nLOCATION:  aclcheck".to_owned(), 77, "keine"),
            (3, "psql:<stdin>:3: ERROR:  57014: canceling statement".to_owned(), 124, "canceling statement"),
            (3, "psql:<stdin>:3: ERROR:  22012: division by zero".to_owned(), 74, "division by zero"),
            (
                3,
                "psql:<stdin>:9: FEHLER:  23505: doppelter Schlüssel\nDETAIL:  x = permission denied".to_owned(),
                74,
                "doppelter",
            ),
            (3, "psql:<stdin>:1: WARNUNG:  01000: nichts\npsql:<stdin>:2: FEHLER:  42501: nein".to_owned(), 77, "nein"),
            (
                2,
                "psql:<stdin>:2: FATAL:  57P01: Verbindung wird abgebrochen\nserver closed it".to_owned(),
                69,
                "Verbindung",
            ),
            (
                3,
                "WARNING:  database \"app\" has a collation version mismatch\nDETAIL:  x\npsql:<stdin>:3: ERROR:  55006: in use"
                    .to_owned(),
                75,
                "in use",
            ),
            (
                1,
                "WARNUNG:  andere Sortierfolge\npg_dump: error: query failed: ERROR:  permission denied for table t"
                    .to_owned(),
                77,
                "permission denied",
            ),
            (1, "pg_dump: error: query failed: ERROR:  permission denied for table t".to_owned(), 77, "permission"),
            (1, String::new(), 74, "it exited with 1"),
        ] {
            let (is, message) = of(code, &stderr);
            assert_eq!(is, exit, "{stderr}");
            assert!(message.contains(words) && !message.contains("psql:<stdin>"), "{message}");
        }
    }

    #[test]
    fn a_refusal_in_words_that_are_not_known_is_told_from_what_the_client_says_itself() {
        let refusal = |status: u8, said: &str| {
            let said = format!("psql: error: connection to server at \"::1\", port 1 failed: {said}");
            foreign_refusal(&Ended { status: Status::Exit(status), stdout: Vec::new(), stderr: said.into_bytes() })
        };
        assert_eq!(refusal(2, "致命错误:  数据库 \"app\" 不存在").as_deref(), Some("数据库 \"app\" 不存在"));
        assert_eq!(refusal(2, "FATAL:  le rôle est refusé").as_deref(), Some("le rôle est refusé"));
        for known in ["Connection refused", "FATAL:  database \"app\" does not exist", "FATAL:  pg_hba.conf: nein"] {
            assert_eq!(refusal(2, known), None, "{known}");
        }
        assert_eq!(refusal(3, "FATAL:  x"), None);
    }
}
