//! The beginning of a statement: what it does, and to what.

/// A word, a name, or whatever else stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// In capitals; a name without quotes is one too.
    Word(String, String),
    /// What stood in backticks.
    Name(String),
    /// What stood in other quotes.
    Text(String),
    Symbol(u8),
}

impl Token {
    pub(crate) fn word(&self) -> &str {
        if let Self::Word(word, _) = self { word } else { "" }
    }

    /// What may be a name.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Word(_, name) | Self::Name(name) => Some(name),
            Self::Text(_) | Self::Symbol(_) => None,
        }
    }

    /// What may be a name where other quotes are those of names.
    pub(crate) fn label(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { self.name() }
    }
}

/// A version that no server has: what `/*M!999999 … */` holds is a comment.
pub(crate) const NEVER: &str = "999999";

/// Takes a statement's beginning apart. What stands in `/*!40101 … */` is part of the statement.
pub(crate) fn tokens(text: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = match first {
            b'/' if behind.starts_with(b"*!") || behind.starts_with(b"*M!") => after_version(behind),
            b'*' if behind.starts_with(b"/") => behind.get(1..).unwrap_or_default(),
            b'`' | b'\'' | b'"' => {
                let (content, behind) = quoted(*first, behind);
                tokens.push(if *first == b'`' { Token::Name(content) } else { Token::Text(content) });
                behind
            }
            byte if is_letter(*byte) => {
                let end = rest.iter().position(|byte| !is_letter(*byte)).unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                let name = String::from_utf8_lossy(word).into_owned();
                tokens.push(Token::Word(name.to_ascii_uppercase(), name));
                behind
            }
            byte => {
                if !byte.is_ascii_whitespace() {
                    tokens.push(Token::Symbol(*byte));
                }
                behind
            }
        };
    }
    tokens
}

pub(crate) fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn after_version(comment: &[u8]) -> &[u8] {
    let mark = comment.iter().position(|byte| *byte == b'!').map_or(comment.len(), |at| at + 1);
    let rest = comment.get(mark..).unwrap_or_default();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let content = rest.get(digits..).unwrap_or_default();
    if rest.starts_with(NEVER.as_bytes()) {
        let end = content.windows(2).position(|two| two == b"*/");
        return end.map_or(&[], |end| content.get(end + 2..).unwrap_or_default());
    }
    content
}

/// What stands up to the closing quote, and what follows it. A doubled quote is one.
fn quoted(quote: u8, text: &[u8]) -> (String, &[u8]) {
    let mut content = Vec::new();
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != quote {
            content.push(*first);
        } else if behind.first() == Some(&quote) {
            content.push(quote);
            rest = behind.get(1..).unwrap_or_default();
        } else {
            break;
        }
    }
    (String::from_utf8_lossy(&content).into_owned(), rest)
}

#[cfg(test)]
mod tests {
    use super::{Token, tokens};

    #[test]
    fn a_statement_in_a_comment_with_a_version_is_one() {
        let word = |word: &str, name: &str| Token::Word(word.to_owned(), name.to_owned());
        assert_eq!(
            tokens(b"/*!40101 Set */ x=`a``b` 'c''d'"),
            [
                word("SET", "Set"),
                word("X", "x"),
                Token::Symbol(b'='),
                Token::Name("a`b".to_owned()),
                Token::Text("c'd".to_owned())
            ]
        );
        assert_eq!(tokens(b"/*M!100100 x*/y"), [word("X", "x"), word("Y", "y")]);
        assert_eq!(tokens(b"/*M!999999 enable it */ \n x"), [word("X", "x")]);
        assert_eq!(tokens(b"/*M!999999 USE"), []);
        assert_eq!(tokens(b" \n"), []);
    }
}
