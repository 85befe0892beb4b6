//! A terminal, as a person has one: what a tool writes to it, and what is seen in the end.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A terminal of a test's own.
pub struct Terminal {
    master: File,
    said: Vec<u8>,
}

impl Terminal {
    /// One with so many columns.
    pub fn new(columns: u16) -> Self {
        let master = openpt(flags()).expect("a terminal");
        unlockpt(&master).expect("a fresh terminal can be unlocked");
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("a terminal has a size");
        Self { master: File::from(master), said: Vec::new() }
    }

    /// What a tool gets for one of its streams.
    pub fn stream(&self) -> Stdio {
        ioctl_tiocgptpeer(&self.master, flags()).expect("a terminal has another side").into()
    }

    /// Reads what is said until it holds `text`, and says all of it up to there.
    pub fn read_until(&mut self, text: &str) -> String {
        loop {
            let mut said = self.said();
            if let Some(at) = said.find(text) {
                said.truncate(at + text.len());
                return said;
            }
            assert!(self.read(), "the terminal was closed before {text:?} was said: {said:?}");
        }
    }

    /// Reads until nobody has the terminal any more, and says all that was said.
    pub fn read_to_end(&mut self) -> String {
        while self.read() {}
        self.said()
    }

    fn said(&self) -> String {
        String::from_utf8_lossy(&self.said).into_owned()
    }

    /// Reads something; a terminal that nobody has any more is an error.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let length = self.master.read(&mut buffer).unwrap_or(0);
        self.said.extend(&buffer[..length]);
        length > 0
    }
}

fn flags() -> OpenptFlags {
    OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC
}

/// What a person sees in the end of what was said: a carriage return goes to the first column, `ESC [ K` erases from there on.
/// Any other control character panics.
pub fn screen(said: &str) -> String {
    let mut lines = vec![Vec::new()];
    let mut column = 0;
    let mut rest = said;
    while let Some(c) = rest.chars().next() {
        let line = lines.last_mut().expect("there is always a line");
        if let Some(erased) = rest.strip_prefix("\x1b[K") {
            line.truncate(column);
            rest = erased;
            continue;
        }
        rest = &rest[c.len_utf8()..];
        match c {
            '\r' => column = 0,
            '\n' => {
                lines.push(Vec::new());
                column = 0;
            }
            c => {
                assert!(!c.is_control(), "{said:?}");
                if column < line.len() {
                    line[column] = c
                } else {
                    line.push(c)
                }
                column += 1;
            }
        }
    }
    let lines: Vec<String> = lines.into_iter().map(String::from_iter).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::screen;

    #[test]
    fn what_is_written_over_or_erased_is_not_seen() {
        assert_eq!(screen("one\r\ntwo\rT\r\n"), "one\nTwo\n");
        assert_eq!(screen("\r\x1b[Klong line\r\x1b[Kshort\r\x1b[K"), "");
        assert_eq!(screen("\r\x1b[K12 MiB\r\x1b[Ktool: done\r\n"), "tool: done\n");
    }
}
