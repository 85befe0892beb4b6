//! A request as a command line for curl(1), to be copied by whoever looks for the cause.

use serde_json::Value;

use crate::grammar::template::Template;
use crate::http::ask::{Ask, Body};

/// Names of what is secret even where the file has it in plain text.
const TELLING: [&str; 7] = ["auth", "cookie", "key", "pass", "secret", "session", "token"];

/// The request at this address, with these options besides. Settings stand there by name, for a shell that has them.
pub(super) fn spell(ask: &Ask, address: &str, more: &str) -> String {
    let mut words = vec!["curl".to_owned(), "-sS".to_owned(), "-i".to_owned()];
    words.extend(Some(more.to_owned()).filter(|more| !more.is_empty()));
    match (ask.method.as_str(), &ask.body) {
        ("GET", None) | ("POST", Some(_)) => {}
        ("HEAD", None) => words.push("--head".to_owned()),
        (method, _) => words.extend(["-X".to_owned(), method.to_owned()]),
    }
    if let Some(login) = &ask.login {
        let (user, password) = login.written().split_once(':').unwrap_or_default();
        option(&mut words, "-u", &format!("{user}:{}", veiled("password", password)));
    }
    for (name, value) in &ask.headers {
        option(&mut words, "-H", &format!("{name}: {}", veiled(name, value.written())));
    }
    send(&mut words, ask);
    if ask.manner.redirects > 0 {
        words.push(format!("-L --max-redirs {}", ask.manner.redirects));
    }
    if let Some(ca) = &ask.manner.ca {
        option(&mut words, "--cacert", &ca.to_string_lossy());
    }
    if let Some(socket) = &ask.manner.socket {
        option(&mut words, "--unix-socket", &socket.to_string_lossy());
    }
    let query = ask.url.written().split_once('?').map(|(_, query)| query);
    words.push(quoted(&match query {
        Some(query) => format!("{address}?{}", veiled_query(query)),
        None => address.to_owned(),
    }));
    words.join(" ")
}

fn option(words: &mut Vec<String>, name: &str, value: &str) {
    words.extend([name.to_owned(), quoted(value)]);
}

fn send(words: &mut Vec<String>, ask: &Ask) {
    let Some(body) = &ask.body else { return };
    let is_typed = ask.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    match body {
        Body::Form(pairs) => {
            for (name, value) in pairs {
                option(words, "--data-urlencode", &format!("{name}={}", veiled(name, value.written())));
            }
        }
        Body::Text(_) | Body::Json(_) => {
            if !is_typed {
                option(words, "-H", &format!("Content-Type: {}", body.content_type()));
            }
            let text = match body {
                Body::Json(shape) => json(shape.written()).to_string(),
                Body::Text(text) => Template::written(text).to_owned(),
                Body::Form(_) => String::new(),
            };
            option(words, "--data-raw", &text);
        }
    }
}

/// A value, unless its name tells that it is secret and the file has it in plain text.
fn veiled(name: &str, value: &str) -> String {
    let name = name.to_ascii_lowercase();
    let is_secret = TELLING.iter().any(|telling| name.contains(telling));
    if is_secret && !value.contains("${") { "…".to_owned() } else { value.to_owned() }
}

/// A query with each value veiled whose name tells that it is secret.
pub(crate) fn veiled_query(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", veiled(name, value)),
        None => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

fn json(value: Value) -> Value {
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| {
                let value = match value {
                    Value::String(text) => Value::String(veiled(&name, &text)),
                    value => json(value),
                };
                (name, value)
            })
            .collect(),
        Value::Array(values) => values.into_iter().map(json).collect(),
        value => value,
    }
}

/// A word of the shell (POSIX, 2.2), in which it puts in settings by name.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if !word.contains("${") {
        return format!("'{}'", word.replace('\'', "'\\''"));
    }
    let mut quoted = String::new();
    let mut rest = word;
    while let Some(c) = rest.chars().next() {
        let (taken, written) = match c {
            // It stands for `${` itself.
            '$' if rest.starts_with("$${") => (3, "\\${"),
            '$' if rest.starts_with("${") => (2, "${"),
            '$' => (1, "\\$"),
            '"' => (1, "\\\""),
            '\\' => (1, "\\\\"),
            '`' => (1, "\\`"),
            c => (c.len_utf8(), rest.get(..c.len_utf8()).unwrap_or_default()),
        };
        quoted.push_str(written);
        rest = rest.get(taken..).unwrap_or_default();
    }
    format!("\"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_stays_one_word_and_names_of_settings_are_put_in() {
        for (word, written) in [
            ("http://localhost:8000/a", "http://localhost:8000/a"),
            ("", "''"),
            ("it's $HOME `id`", "'it'\\''s $HOME `id`'"),
            ("Bearer ${TOKEN}", "\"Bearer ${TOKEN}\""),
            ("\"\\ $x `id` $${A} ${B}", "\"\\\"\\\\ \\$x \\`id\\` \\${A} ${B}\""),
        ] {
            assert_eq!(quoted(word), written);
        }
    }
}
