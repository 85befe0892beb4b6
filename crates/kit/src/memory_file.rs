//! A text that a child reads like a file, and that lies on no disk: how a program that takes its password from a file is
//! told one.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

use crate::failure::{Attempt, Failure};

/// A file in memory (`memfd_create(2)`), which is gone with the last process that has it open. Every child that is
/// started while it lives can read it: it is made for one, and dropped once that is started.
#[derive(Debug)]
pub struct MemoryFile {
    file: File,
}

impl MemoryFile {
    /// Makes one with this content. Its mode is 0600: as it is made it is open to all, and clients refuse that.
    pub fn new(content: &[u8]) -> Result<Self, Failure> {
        Self::make(content).attempt("make a file in memory")
    }

    fn make(content: &[u8]) -> io::Result<Self> {
        // Not close-on-exec: the child is to have it.
        let mut file = File::from(memfd_create("pushback", MemfdFlags::empty())?);
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(content)?;
        Ok(Self { file })
    }

    /// Where the child finds it. The child opens it anew, so it reads from the beginning.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()))
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryFile;
    use crate::process::Program;

    #[test]
    fn a_child_reads_it_and_others_may_not() {
        let file = MemoryFile::new(b"s3cret").unwrap();
        let read = Program::find("cat").unwrap().arg(file.path()).run().unwrap();
        assert_eq!(read.text(), "s3cret");
        let mode = Program::find("stat").unwrap().args(["-L", "-c", "%a %h"]).arg(file.path()).run().unwrap();
        assert_eq!(mode.text(), "600 0");
        let path = file.path();
        drop(file);
        let gone = Program::find("cat").unwrap().arg(path).run().unwrap();
        assert!(!gone.status.is_success(), "{}", gone.text());
    }
}
