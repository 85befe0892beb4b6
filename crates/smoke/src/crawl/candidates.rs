//! The candidates of a picture, of which a browser takes one.

/// The addresses in a `srcset` (HTML, 4.8.4.2.2). There are commas in addresses, and in the brackets of descriptors.
pub(super) fn candidates(set: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = set;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        let (address, behind) = rest.split_at(rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len()));
        if address.is_empty() {
            return found;
        }
        found.push(address.trim_end_matches(','));
        rest = if address.ends_with(',') { behind } else { behind_descriptors(behind) };
    }
}

fn behind_descriptors(text: &str) -> &str {
    let mut is_inside = false;
    let end = text.find(|c| {
        is_inside = c == '(' || (is_inside && c != ')');
        c == ',' && !is_inside
    });
    end.and_then(|end| text.get(end..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn a_set_of_images_is_taken_apart() {
        assert_eq!(candidates(" a.png 1x, b.png 2x ,c.png"), ["a.png", "b.png", "c.png"]);
        assert_eq!(candidates("a,b.png 100w,c.png,, d.png (x, y) 2x, e"), ["a,b.png", "c.png", "d.png", "e"]);
        assert_eq!(candidates(" , "), [""; 0]);
    }
}
