//! Why a server does not let somebody in, where it says so in words that are not known: it speaks the language that it was set to
//! (`lc_messages`, which only a superuser may change), and no client tells the SQLSTATE of a connection that it did not get.
//! So another database of the server is asked about the one that is meant, and else it counts whom the words name.

use std::path::Path;

use kit::process::Ended;
use kit::{Exit, Failure};

use crate::address::Address;
use crate::deadline::Deadline;
use crate::postgres::quote::literal;
use crate::postgres::session::Session;
use crate::postgres::{MAINTENANCE, knock, trouble};

/// The failure: 66 when there is no such database, 77 when it is about the role, else 69.
pub(crate) fn explain(psql: &Path, address: &Address, refusal: &Ended, deadline: &Deadline) -> Failure {
    let doing = format!("connect to {address}");
    let Some(words) = trouble::foreign_refusal(refusal) else { return trouble::failure(&doing, refusal) };
    let is_about_role = || address.user.as_deref().is_some_and(|role| names(&words, role));
    // Where the two have different names, nobody has to be asked, and no wrong password is tried again.
    if address.user.as_deref() != Some(address.database.as_str()) && is_about_role() {
        return trouble::of(Exit::NOT_PERMITTED, &doing, refusal);
    }
    let others = MAINTENANCE.into_iter().filter(|name| *name != address.database);
    let mut sessions = others.filter_map(|name| knock(psql, &address.of_database(name), deadline).ok()?.ok());
    let known = sessions.next().and_then(|mut session| ask(&mut session, &address.database));
    let exit = match known {
        Some(exit) => exit,
        None if is_about_role() => Exit::NOT_PERMITTED,
        None => Exit::UNAVAILABLE,
    };
    trouble::of(exit, &doing, refusal)
}

/// What another database of the server knows about it.
fn ask(session: &mut Session, database: &str) -> Option<Exit> {
    let question = format!(
        "SELECT has_database_privilege(oid, 'CONNECT') FROM pg_database WHERE datname = {};",
        literal(database)
    );
    Some(match session.ask(&question, 1).ok()?.first().and_then(|row| row.first()) {
        None => Exit::ABSENT,
        Some(may) if may == "f" => Exit::NOT_PERMITTED,
        // It is closed, say, or full.
        Some(_) => Exit::UNAVAILABLE,
    })
}

/// Whether a message names this role: in quotes, whatever they look like in its language, or behind a colon.
fn names(words: &str, role: &str) -> bool {
    let is_mark = |beside: Option<char>| beside.is_none_or(|beside| !beside.is_alphanumeric() && beside != '_');
    !role.is_empty()
        && words.match_indices(role).any(|(at, _)| {
            let (before, behind) =
                (words.get(..at).unwrap_or_default(), words.get(at + role.len()..).unwrap_or_default());
            is_mark(before.trim_end().chars().next_back()) && is_mark(behind.trim_start().chars().next())
        })
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_role_is_known_in_the_quotes_of_every_language() {
        for words in [
            "Passwort-Authentifizierung für Benutzer »app« fehlgeschlagen",
            "la autentificación password falló para el usuario «app»",
            "le rôle «\u{a0}app\u{a0}» n'existe pas",
            "autenticazione con password fallita per l'utente \"app\"",
            "ユーザー\"app\"のパスワード認証に失敗しました",
            "პაროლით ავთენტიფიკაცია მომხმარებლისთვის \"app\" ვერ მოხერხდა",
            "როლს შესვლის უფლება არ აქვს: app",
            "사용자 \"app\"의 password 인증을 실패했습니다",
            "пользователь \"app\" не прошёл проверку подлинности (по паролю)",
            "Lösenordsautentisering misslyckades för användare \"app\"",
            "користувач \"app\" не пройшов автентифікацію за допомогою пароля",
            "用户 \"app\" Password 认证失败",
        ] {
            assert!(names(words, "app"), "{words}");
            assert!(!names(words, "ap") && !names(words, "pp") && !names(words, ""), "{words}");
        }
        // No name is in what is said of the server itself, though a word may be one.
        for (words, role) in [
            ("tut mir leid, schon zu viele Verbindungen", "schon"),
            ("spiacente, troppi client già connessi", "client"),
            ("wszystko zajęte", "zaj"),
            ("система баз данных запускается", "app"),
        ] {
            assert!(!names(words, role), "{words}");
        }
    }
}
