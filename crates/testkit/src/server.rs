//! A real server of the test process's own: started on a free port, with its data in a directory of its own,
//! and gone with the process, even when that is killed.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::place::{free_port, is_root, parent, template};
use crate::processes::{Process, is_alive, processes};
use crate::wait_until;

/// What distinguishes one engine's server from another's.
pub(crate) struct Recipe {
    /// As `watch.sh` knows it.
    pub(crate) engine: &'static str,
    /// Where the server's programs lie.
    pub(crate) programs: PathBuf,
    /// The server's version, exact: data is copied only for the very same one.
    pub(crate) version: String,
    /// Whom the server runs as when the tests run as root: no server wants to be root.
    pub(crate) user: &'static str,
    /// Which signal asks it to end in good order.
    pub(crate) stop: &'static str,
}

/// A server that runs, of whichever engine. It and its directory are gone once it is dropped, and when the test process ends,
/// however that ends.
pub struct Server {
    watcher: Mutex<Watcher>,
    dir: PathBuf,
    port: u16,
    stop: &'static str,
}

/// `watch.sh`, which outlives this process just long enough to clear up after it.
struct Watcher {
    process: Child,
    // Close-on-exec, as everything that std opens: no tool under test holds it.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    server: Option<u32>,
}

impl Server {
    /// Starts one and waits until `answers`, given its directory and port, says that it serves.
    pub(crate) fn start(recipe: &Recipe, answers: impl Fn(&Path, u16) -> bool) -> Self {
        Self::start_with(recipe, |_| (), answers)
    }

    /// The same with what `prepare` puts into its directory before.
    pub(crate) fn start_with(recipe: &Recipe, prepare: impl Fn(&Path), answers: impl Fn(&Path, u16) -> bool) -> Self {
        let (mut watcher, dir) = Watcher::start(recipe);
        prepare(&dir);
        // Between the look for a free port and the server's own bind another process may take it.
        for _ in 0..20 {
            let port = free_port();
            if watcher.serve(&dir, port, &answers) {
                return Self { watcher: Mutex::new(watcher), dir, port, stop: recipe.stop };
            }
        }
        panic!("twenty ports that were free were taken when {} started", recipe.engine);
    }

    /// Its directory: socket, data, log.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its port on 127.0.0.1; it keeps it when it is started anew.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.watcher().server.expect("the server runs")
    }

    /// Ends it in good order. Nothing happens when it does not run.
    pub fn stop(&self) {
        let mut watcher = self.watcher();
        if let Some(pid) = watcher.server {
            signal(self.stop, pid);
            watcher.wait();
        }
    }

    /// Ends it and its children as a power cut does.
    pub fn kill_server(&self) {
        let mut watcher = self.watcher();
        let Some(pid) = watcher.server else { return };
        let children = halt(pid);
        signal("KILL", pid);
        for child in &children {
            signal("KILL", child.pid);
        }
        watcher.wait();
        wait_until("the server's children are gone", || !children.iter().any(Process::lives));
    }

    /// Lets it and its children stand still: who connects is accepted by the kernel and never answered.
    pub fn pause(&self) {
        for child in halt(self.pid()) {
            signal("STOP", child.pid);
        }
    }

    /// Lets it go on after [`Server::pause`].
    pub fn resume(&self) {
        let pid = self.pid();
        for child in children(pid) {
            signal("CONT", child.pid);
        }
        signal("CONT", pid);
    }

    /// What it said since it was started last.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.join("log")).unwrap_or_default()).into_owned()
    }

    /// Starts it again on its port, after [`Server::stop`] when it runs, and waits until it serves.
    pub(crate) fn restart(&self, answers: impl Fn(&Path, u16) -> bool) {
        self.stop();
        let served = self.watcher().serve(&self.dir, self.port, &answers);
        assert!(served, "port {} was taken while the server was down", self.port);
    }

    fn watcher(&self) -> MutexGuard<'_, Watcher> {
        self.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Starts the watcher, which makes the directory and the data; with its path.
    fn start(recipe: &Recipe) -> (Self, PathBuf) {
        // The first one makes the data that the others copy: they wait rather than make it too.
        static FIRST: Mutex<()> = Mutex::new(());
        let template = template(recipe);
        let first = (!template.exists()).then(|| FIRST.lock().unwrap_or_else(PoisonError::into_inner));
        let mut process = Command::new("sh")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/watch.sh"))
            .args([recipe.engine.as_ref(), parent().as_os_str(), template.as_os_str(), recipe.programs.as_os_str()])
            .arg(if is_root() { recipe.user } else { "" })
            // Ctrl-C at a terminal ends the tests, not what clears up after them.
            .process_group(0)
            // A server that gave up root may not be allowed to stand where the tests stand.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh runs");
        let orders = process.stdin.take();
        let mut answers = BufReader::new(process.stdout.take().expect("its answers are piped"));
        let mut dir = String::new();
        answers.read_line(&mut dir).expect("the watcher's answers can be read");
        drop(first);
        if !dir.starts_with('/') {
            answers.read_to_string(&mut dir).expect("the watcher's answers can be read");
            panic!("cannot make the data of {}: {dir}", recipe.engine);
        }
        (Self { process, orders, answers, server: None }, PathBuf::from(dir.trim_end()))
    }

    /// Whether the server now serves on this port; if not, somebody else has it.
    fn serve(&mut self, dir: &Path, port: u16, answers: &impl Fn(&Path, u16) -> bool) -> bool {
        let pid = self.ask(&format!("start {port}"));
        self.server = pid.parse().ok();
        let mut served = false;
        wait_until("the server serves", || {
            served = answers(dir, port);
            served || !is_alive(&pid)
        });
        if served {
            return true;
        }
        self.wait();
        let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
        assert!(log.contains("Address already in use"), "the server does not start:\n{log}");
        false
    }

    fn wait(&mut self) {
        self.ask("wait");
        self.server = None;
    }

    fn ask(&mut self, order: &str) -> String {
        let orders = self.orders.as_mut().expect("its orders are piped");
        orders.write_all(format!("{order}\n").as_bytes()).expect("the watcher lives");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the watcher's answers can be read");
        answer.trim_end().to_owned()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.orders.take());
        drop(self.process.wait());
    }
}

/// `length` letters and digits that nobody can guess, the first one a letter.
pub(crate) fn random(length: usize) -> String {
    let mut bytes = vec![0; length];
    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut bytes)).expect("/dev/urandom can be read");
    let mut letters = bytes.iter().map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte % 32)]));
    let first = letters.next().map(|letter| if letter.is_ascii_digit() { 'q' } else { letter });
    first.into_iter().chain(letters).collect()
}

/// The first of these programs that is there; otherwise the test fails and says what to install.
pub(crate) fn installed(programs: &[PathBuf], package: &str) -> PathBuf {
    let there = programs.iter().find(|program| program.exists());
    there.unwrap_or_else(|| panic!("this test needs the package {package}: apt-get install {package}")).clone()
}

/// Stops a process, and returns its children: stopped it starts none that the list misses.
fn halt(pid: u32) -> Vec<Process> {
    signal("STOP", pid);
    wait_until("the server stands still", || stands_still(pid));
    children(pid)
}

fn children(pid: u32) -> Vec<Process> {
    processes().into_iter().filter(|process| process.parent == pid).collect()
}

/// proc_pid_stat(5): T is stopped.
fn stands_still(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with(['T', 'Z']))
}

/// Sends a signal to a process that may have ended meanwhile.
fn signal(name: &str, pid: u32) {
    drop(Command::new("kill").args([format!("-{name}"), pid.to_string()]).stderr(Stdio::null()).status());
}

#[cfg(test)]
mod tests {
    use super::{installed, random};

    #[test]
    #[should_panic(expected = "this test needs the package postgresql: apt-get install postgresql")]
    fn a_missing_package_is_named() {
        installed(&["/nowhere/at/all".into(), "/nor/here".into()], "postgresql");
    }

    #[test]
    fn a_random_word_begins_with_a_letter_and_is_never_the_same() {
        let words: std::collections::BTreeSet<String> = (0..1000).map(|_| random(12)).collect();
        assert_eq!(words.len(), 1000);
        assert!(
            words.iter().all(|word| word.len() == 12 && word.starts_with(|first: char| first.is_ascii_lowercase()))
        );
    }
}
