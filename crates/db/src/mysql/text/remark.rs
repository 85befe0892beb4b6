//! What a dumper says of its dump in comments of one line.

/// How much of a comment is looked at.
const LONGEST: usize = 64;

/// The comment that is being read, and what those before it said.
#[derive(Debug, Default)]
pub(crate) struct Remark {
    /// The dumper was not permitted to read something.
    pub(crate) lacks_privileges: bool,
    text: Vec<u8>,
}

impl Remark {
    /// Takes a part of it, without the dashes.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        let room = LONGEST.saturating_sub(self.text.len());
        self.text.extend(bytes.iter().take(room));
    }

    /// Whether it says that the dump is complete.
    pub(crate) fn is_end(&self) -> bool {
        self.text.starts_with(b" Dump completed")
    }

    /// Takes the end of its line; one that is not the dumper's says nothing.
    pub(crate) fn end(&mut self, is_dumpers: bool) {
        self.lacks_privileges |= is_dumpers && self.text.starts_with(b" insufficient privileges to SHOW CREATE");
        self.text.clear();
    }
}
