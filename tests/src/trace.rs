//! What strace(1) saw: every program that was started, and every byte that was written, of a command and all its kin.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A program that was started.
#[derive(Debug)]
pub struct Exec {
    /// Its argument vector.
    pub args: Vec<Vec<u8>>,
    /// Its environment, `NAME=value` each.
    pub env: Vec<Vec<u8>>,
}

/// Bytes that were written or sent.
#[derive(Debug)]
pub struct Written {
    /// The file, or what else the descriptor is: `pipe:[4711]`, `socket:[4712]`.
    pub place: String,
    /// The bytes; none when the kernel copied them from file to file.
    pub bytes: Vec<u8>,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Trace {
    /// The programs.
    pub execs: Vec<Exec>,
    /// What was written.
    pub writes: Vec<Written>,
}

/// The calls by which bytes leave a process, and that by which a program begins.
const CALLS: &str =
    "execve,write,pwrite64,writev,pwritev,pwritev2,sendto,sendmsg,sendmmsg,sendfile,copy_file_range,splice";

/// The same command under strace, which ends when the last of its kin does. Its trace goes to `dir`, for [`read`].
pub fn traced(command: &Command, dir: &Path) -> Command {
    fs::create_dir(dir).expect("a fresh directory");
    let mut prefix = OsString::from("--output=");
    prefix.push(dir.join("trace"));
    let mut traced = Command::new("strace");
    // A file for each process: no call is torn. Every string in hexadecimal digits: none is mistaken.
    traced
        .args(["-ff", "--seccomp-bpf", "-qq", "-y", "-v", "-xx", "-s", "1048576", &format!("--trace={CALLS}")])
        .arg(prefix);
    traced.arg("--").arg(command.get_program()).args(command.get_args());
    if let Some(dir) = command.get_current_dir() {
        traced.current_dir(dir);
    }
    traced.env_clear();
    for (name, value) in command.get_envs() {
        traced.envs(value.map(|value| (name, value)));
    }
    traced
}

/// Reads what strace left in a directory.
pub fn read(dir: &Path) -> Trace {
    let mut trace = Trace::default();
    for file in fs::read_dir(dir).expect("the trace is there") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("a trace is text");
        for line in text.lines().filter(|line| !line.ends_with("ENOENT (No such file or directory)")) {
            learn(line, &mut trace);
        }
    }
    assert!(!trace.execs.is_empty(), "strace saw no program start");
    trace
}

fn learn(line: &str, trace: &mut Trace) {
    let Some((call, rest)) = line.split_once('(') else {
        return;
    };
    if call == "execve" {
        let mut lists = rest.split('[').skip(1).map(|list| strings(list.split(']').next().unwrap_or_default()));
        let (args, env) = (lists.next().unwrap_or_default(), lists.next().unwrap_or_default());
        trace.execs.push(Exec { args, env });
    } else if CALLS.split(',').any(|known| known == call) {
        // Of two descriptors the second one is written to, but for sendfile(2).
        let mut places = rest.split('<').skip(1).map(|place| place.split('>').next().unwrap_or_default());
        let first = places.next().unwrap_or_default();
        let place = if matches!(call, "copy_file_range" | "splice") { places.next().unwrap_or(first) } else { first };
        let place = String::from_utf8_lossy(&decoded(place)).into_owned();
        trace.writes.push(Written { place, bytes: strings(rest).concat() });
    }
}

/// The strings between double quotes.
fn strings(text: &str) -> Vec<Vec<u8>> {
    text.split('"').skip(1).step_by(2).map(decoded).collect()
}

/// `\x41\x42` as the bytes that it stands for.
fn decoded(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).filter_map(|digits| u8::from_str_radix(digits.get(..2)?, 16).ok()).collect()
}
