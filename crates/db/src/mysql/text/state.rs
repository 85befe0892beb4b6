//! Where in a text the next byte is.

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Code,
    /// `-` or `--` were seen in code.
    Dash(u8),
    /// `/`, `/*`, `/*M` were seen in code.
    Slash,
    Opening,
    OpeningM,
    /// `*` was seen in code.
    Star,
    /// A backslash was seen in code.
    Backslash,
    /// So many bytes of the delimiter were seen.
    Delimiter(usize),
    /// In quotes of this kind, and behind a backslash there.
    Quotes(u8),
    Escape(u8),
    /// In a comment to the end of the line; in one up to `*/`; behind a `*` there.
    Line,
    Block,
    BlockStar,
    /// Behind the word `DELIMITER`.
    Command,
}

/// What of the line so far decides how the rest of it is read.
#[derive(Debug)]
pub(crate) struct Line {
    /// In `/*! … */`, as far as the client knows, which forgets it at the end of a line.
    pub(crate) in_version: bool,
    /// Nothing but space so far.
    pub(crate) is_blank: bool,
    /// Whether that was so where the statement began.
    pub(crate) was_blank: bool,
}

/// What the client takes for a space: also the vertical tab, which ASCII's list of Rust leaves out.
pub(crate) fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b'\x0b'
}
