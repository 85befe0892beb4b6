//! A request as a command line for curl(1), to be copied by whoever looks for the cause.

use serde_json::Value;

use crate::grammar::variable::is_name;
use crate::http::ask::{Ask, Body};

/// What may stand in plain text before a secret: the schemes of a login.
const SCHEMES: [&str; 5] = ["basic", "bearer", "token", "digest", "apikey"];

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
                Body::Json(shape) => json(shape.written(), false).to_string(),
                Body::Text(text) => veiled_body(text.written()),
                Body::Form(_) => String::new(),
            };
            option(words, "--data-raw", &text);
        }
    }
}

/// A value, unless its name tells that it is secret and the file has it in plain text, or a part of it.
fn veiled(name: &str, value: &str) -> String {
    let is_shown = !tells(name) || are_names(without_scheme(value));
    if is_shown { value.to_owned() } else { "…".to_owned() }
}

fn tells(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TELLING.iter().any(|telling| name.contains(telling))
}

fn without_scheme(value: &str) -> &str {
    let is_scheme = |word: &str| SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    value.split_once(' ').filter(|(word, _)| is_scheme(word)).map_or(value, |(_, rest)| rest)
}

/// Whether a text is nothing but names of settings: `${A}${B}`.
fn are_names(text: &str) -> bool {
    text.split_inclusive('}').all(|part| {
        let name = part.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        name.is_some_and(is_name)
    })
}

/// A text that is sent, veiled like JSON where it is that, else like a form.
fn veiled_body(text: &str) -> String {
    match serde_json::from_str(text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => {
            let veiled = json(value.clone(), false);
            if veiled == value { text.to_owned() } else { veiled.to_string() }
        }
        _ => veiled_query(text),
    }
}

/// A query with each value veiled whose name tells that it is secret.
pub(crate) fn veiled_query(query: &str) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{name}={}", veiled(name, value)),
        None => pair.to_owned(),
    };
    query.split('&').map(pair).collect::<Vec<_>>().join("&")
}

/// A value with each text and number veiled below a name that tells that they are secret.
fn json(value: Value, is_secret: bool) -> Value {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (String, Value)| {
                let is_secret = is_secret || tells(&name);
                (name, json(value, is_secret))
            };
            members.into_iter().map(member).collect()
        }
        Value::Array(values) => values.into_iter().map(|value| json(value, is_secret)).collect(),
        Value::String(text) if is_secret && are_names(without_scheme(&text)) => Value::String(text),
        _ if is_secret => Value::from("…"),
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
    use super::{quoted, veiled, veiled_body};

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

    #[test]
    fn under_a_telling_name_only_names_of_settings_and_a_scheme_are_shown() {
        for (name, value, shown) in [
            ("Accept", "text/html", "text/html"),
            ("Authorization", "Bearer ${A}", "Bearer ${A}"),
            ("Authorization", "token ${A}${B_2}", "token ${A}${B_2}"),
            ("X-Api-Key", "${A}", "${A}"),
            ("Authorization", "Bearer plain${A}", "…"),
            ("Authorization", "Bearer ${A}plain", "…"),
            ("Authorization", "plain ${A}", "…"),
            ("Authorization", "Bearer $${A}", "…"),
            ("Authorization", "Bearer plain", "…"),
            ("password", "${A B}", "…"),
        ] {
            assert_eq!(veiled(name, value), shown, "{name}: {value}");
        }
    }

    #[test]
    fn a_body_is_veiled_as_a_form_and_as_json() {
        for (body, shown) in [
            ("hello ${NAME}", "hello ${NAME}"),
            ("user=a&password=plain&token=${A}", "user=a&password=…&token=${A}"),
            ("{ \"a\": 1 }", "{ \"a\": 1 }"),
            ("{\"password\": \"plain\"}", "{\"password\":\"…\"}"),
            (
                r#"{"auth": {"all": ["b", 1234, true, "${A}"], "user": "a"}, "n": [{"pass": 5}, 6]}"#,
                r#"{"auth":{"all":["…","…","…","${A}"],"user":"…"},"n":[{"pass":"…"},6]}"#,
            ),
        ] {
            assert_eq!(veiled_body(body), shown);
        }
    }
}
