//! Counts as a person reads them.

/// `3,400 rows`, `1 row`.
pub(crate) fn count(number: u64, word: &str) -> String {
    format!("{} {word}{}", grouped(number), if number == 1 { "" } else { "s" })
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_are_grouped_and_one_is_singular() {
        assert_eq!(count(0, "table"), "0 tables");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(3400, "row"), "3,400 rows");
        assert_eq!(count(1_234_567, "row"), "1,234,567 rows");
        assert_eq!(count(123_456, "row"), "123,456 rows");
    }
}
