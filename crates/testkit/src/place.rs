//! Where a server of a test gets to: its directory, its port, and the fresh data that it copies.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Recipe, random};

const GIB: u64 = 1 << 30;

/// Where the directories of servers lie. A fresh PostgreSQL is a thousand small files: ext4 was seen to take 1.5 s for
/// them on a busy machine, memory 0.1 s. So it is memory, if there is plenty of it and `TMPDIR` does not say otherwise.
pub(crate) fn parent() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if std::env::var_os("TMPDIR").is_none() && passes(memory) && room_of(memory) >= 8 * GIB && memory_left() >= 8 * GIB
    {
        return memory.to_owned();
    }
    // sockaddr_un has room for 108 bytes, and the server's user has to get there.
    let usual = std::env::temp_dir();
    let fits = usual.as_os_str().len() < 60 && usual.ancestors().all(passes);
    if fits { usual } else { PathBuf::from("/tmp") }
}

/// Whether everybody may pass through a directory.
fn passes(dir: &Path) -> bool {
    fs::metadata(dir).is_ok_and(|dir| dir.permissions().mode() & 0o001 != 0)
}

/// What still fits, in bytes.
fn room_of(dir: &Path) -> u64 {
    let told =
        Command::new("df").args([OsStr::new("--block-size=1"), "--output=avail".as_ref(), dir.as_os_str()]).output();
    let told = told.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    told.lines().nth(1).and_then(|room| room.trim().parse().ok()).unwrap_or(0)
}

/// proc_meminfo(5): what can be had without swapping, in bytes.
fn memory_left() -> u64 {
    let told = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let left =
        told.lines().find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB")?.trim().parse().ok());
    left.map_or(0, |kibibytes: u64| kibibytes * 1024)
}

/// A port that nobody listens on, outside of the range that the kernel takes for outgoing connections: one of those
/// cannot get it while the server is down.
pub(crate) fn free_port() -> u16 {
    loop {
        let number = random(6).bytes().fold(0_u64, |number, byte| number * 31 + u64::from(byte));
        let port = 10_000 + u16::try_from(number % 20_000).expect("less than 20,000");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Where the fresh data of this very version is kept, for this very user.
pub(crate) fn template(recipe: &Recipe) -> PathBuf {
    // target/debug/deps/some_test-0123 → target
    let test = std::env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().nth(3).expect("a test lies in target/PROFILE/deps");
    let name =
        format!("{}-{}-{}", recipe.engine, recipe.version, fs::metadata("/proc/self").map_or(0, |own| own.uid()));
    target.join("servers").join(name)
}

pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{free_port, memory_left, parent, passes, room_of};

    #[test]
    fn a_free_port_is_outside_of_the_range_for_outgoing_connections() {
        assert!((0..100).all(|_| (10_000..30_000).contains(&free_port())));
    }

    #[test]
    fn the_place_for_servers_is_short_and_everybody_gets_there() {
        assert!(parent().as_os_str().len() < 60 && parent().ancestors().all(passes), "{}", parent().display());
        assert!(room_of(Path::new("/")) > 0 && memory_left() > 0);
    }
}
