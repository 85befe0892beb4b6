//! Names and texts as SQL writes them.

/// A name.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text. The form with `E` means the same whatever `standard_conforming_strings` says.
pub(crate) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// The names in the value of a setting that is a list of them, such as `"$user", public`: each as a text, as a `SET` takes it.
/// What is stored came through a `SET` too, but the server let pass more than a careful reader would: `a;b` is one name.
pub(crate) fn list(value: &str) -> String {
    let mut names = Vec::new();
    let mut name = String::new();
    let mut letters = value.chars().peekable();
    let mut is_quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' if is_quoted && letters.next_if_eq(&'"').is_some() => name.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => names.push(std::mem::take(&mut name)),
            letter if letter.is_whitespace() && !is_quoted => {}
            letter => name.push(letter),
        }
    }
    names.push(name);
    names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{identifier, list, literal};

    #[test]
    fn names_and_texts_cannot_be_left() {
        assert_eq!(identifier(r#"a"; DROP"#), r#""a""; DROP""#);
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\'"), r"E'\\'''");
    }

    #[test]
    fn a_list_of_names_is_a_list_of_texts() {
        assert_eq!(list(r#""$user", public"#), "'$user', 'public'");
        assert_eq!(list(r#""""#), "''");
        assert_eq!(list(r#""a, ""b""", c;DROP, d'e"#), r#"'a, "b"', 'c;DROP', 'd''e'"#);
    }
}
