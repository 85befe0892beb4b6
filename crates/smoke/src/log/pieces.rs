//! A log in pieces: its lines, and the parts of those that are too long to be looked at in one.

/// How much of a line is looked at in one piece: a longer one counts as several.
const PIECE: usize = 1 << 14;

/// How much of a piece is looked at again in the next, so that no word is cut in both.
const OVERLAP: usize = 1 << 10;

/// Each line of a log, without its end.
pub(crate) fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let some = (!text.is_empty()).then_some(text);
    some.into_iter().flat_map(|text| text.split(|byte| *byte == b'\n')).flat_map(in_pieces)
}

/// An empty line is a piece too.
fn in_pieces(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let begins = (0..line.len().saturating_sub(OVERLAP).max(1)).step_by(PIECE - OVERLAP);
    begins.map(|begin| line.get(begin..line.len().min(begin + PIECE)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{PIECE, pieces};

    #[test]
    fn no_word_of_a_long_line_is_cut_in_every_piece_of_it() {
        for length in PIECE - 10..PIECE + 2 {
            let line = format!("{}ERROR boom", "x".repeat(length));
            let pieces: Vec<_> = pieces(line.as_bytes()).collect();
            assert!(pieces.iter().any(|piece| piece.ends_with(b"ERROR boom")), "{length}");
            assert_eq!(pieces.len(), if line.len() > PIECE { 2 } else { 1 });
        }
    }
}
