//! What sort of line a line of a log is: what remains of it without that which is another each time.

/// What stands for something that was taken off.
const TAKEN: char = '#';

/// What stands between the numbers of a time, an address, a version or a UUID (RFC 3339, RFC 9562).
const BETWEEN: &str = ".,:/-+";

/// As long as no word with a digit in it is.
const LONG: usize = 16;

/// The shortest hexadecimal number that is taken for one where it has letters: a group of a UUID.
const HEXADECIMAL: usize = 4;

/// Names in times, as HTTP and syslog write them.
const NAMES: [&str; 19] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Mon", "Tue", "Wed", "Thu",
    "Fri", "Sat", "Sun",
];

/// The line without numbers, times, identifiers and what stands in quotes: two that differ in these alone are of one sort.
pub(crate) fn of(line: &str) -> String {
    let mut sort = String::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let end = if first.is_alphanumeric() {
            let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            add_word(&mut sort, rest.get(..end).unwrap_or_default());
            end
        } else if first.is_whitespace() {
            sort.push(' ');
            rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())
        } else if let Some(end) = end_of_quotation(&sort, rest, first) {
            add(&mut sort, TAKEN);
            end
        } else {
            sort.push(first);
            first.len_utf8()
        };
        rest = rest.get(end..).unwrap_or_default();
    }
    sort
}

/// Where a text in quotes ends that begins here. An apostrophe within a word begins none.
fn end_of_quotation(before: &str, rest: &str, quote: char) -> Option<usize> {
    let within = before.chars().next_back().is_some_and(char::is_alphanumeric);
    let begins = matches!(quote, '"' | '`') || (quote == '\'' && !within);
    let length = rest.get(1..).filter(|_| begins)?.find(quote)?;
    Some(length + 2)
}

fn add_word(sort: &mut String, word: &str) {
    let has_digit = word.contains(|c: char| c.is_ascii_digit());
    let number = word.strip_prefix("0x").unwrap_or(word);
    let is_hexadecimal = number.len() >= HEXADECIMAL && number.chars().all(|c| c.is_ascii_hexdigit());
    if NAMES.contains(&word) || (has_digit && (is_hexadecimal || word.len() >= LONG)) || number.len() < word.len() {
        return add(sort, TAKEN);
    }
    for c in word.chars() {
        match c {
            '0'..='9' => add(sort, TAKEN),
            c => sort.push(c),
        }
    }
}

/// Several taken off in a row are one, with what stands between them.
fn add(sort: &mut String, taken: char) {
    let before = sort.trim_end_matches(|c| BETWEEN.contains(c));
    if sort.len() <= before.len() + 1 && before.ends_with(taken) {
        sort.truncate(before.len());
    } else {
        sort.push(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn what_is_another_each_time_is_taken_off() {
        for (line, sort) in [
            ("", ""),
            ("  ERROR   no such\ttable ", "ERROR no such table"),
            ("2026-11-21T10:15:00.123Z ERROR took 15 ms", "#T#Z ERROR took # ms"),
            ("2026-11-21 10:15:00,5 ERROR took 1.5 ms", "# # ERROR took # ms"),
            ("Nov 21 10:15:00 web app[4711]: ERROR", "# # # web app[#]: ERROR"),
            ("10.0.0.1 - - [21/Nov/2026:10:15:00 +0000] \"GET /a?b=1 HTTP/1.1\" 500", "# - - [# +#] # #"),
            ("request 6ba7b810-9dad-11d1-80b4-00c04fd430c8 failed", "request # failed"),
            ("commit 3f2a1c9d of release 7-3f2a1c9", "commit # of release #"),
            ("at 0x7ffe and 0xdeadbeef", "at # and #"),
            ("key 01HZX3QK9ABCDEFGHJKMNPQRST is gone", "key # is gone"),
            ("can't open 'data/größe 1.txt': it's gone", "can't open #: it's gone"),
            ("no `table` in \"main\" but 'x", "no # in # but 'x"),
            ("utf8 and http2", "utf# and http#"),
            ("decade, face, added", "decade, face, added"),
        ] {
            assert_eq!(of(line), sort, "{line:?}");
        }
    }

    #[test]
    fn other_words_are_another_sort() {
        assert_ne!(of("ERROR no such table"), of("ERROR no such column"));
        assert_ne!(of("KeyError: 'a'"), of("ValueError: 'a'"));
        assert_eq!(of("KeyError: 'a'"), of("KeyError: 'b c'"));
    }

    #[test]
    fn no_line_whatever_makes_it_panic_and_none_grows() {
        for line in ["'", "''", "é'é", "\"é", "#", "-#-#-", "\u{0}\u{1b}[2J", "0x", "0xg", "٣", "’1’", "'a\"b'c\""]
        {
            assert!(of(line).len() <= line.len(), "{line:?}");
        }
    }
}
