#![cfg(test)]
//! The real smoke-test against a small strict web server whose every answer is the test's own.

mod baseline;
mod certificates;
mod commands;
mod commit;
mod containers;
mod crawls;
mod databases;
mod deployment;
mod examples;
mod files;
mod flow_values;
mod flows;
mod formats;
mod grammar;
mod greetings;
mod hostile;
mod hostile_files;
mod http;
mod json;
mod lines;
mod logs;
mod memory;
mod outcome;
mod pipeline;
mod ports;
mod prepare;
mod processes;
mod programs;
mod progress;
mod queries;
mod redis;
mod repositories;
mod requests;
mod selection;
mod server;
mod settings;
mod strange_sites;
mod telegram;
mod tls;
mod units;
mod variables;
mod watch;

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use testkit::{Run, Sandbox};

/// A check that passes.
const DISK: &str = "[[check]]\nname = 'disk'\nkind = 'disk'\npath = '/'\nexpect = 'free > 1B'\n";
/// A check that fails.
const FULL: &str = "[[check]]\nname = 'full'\nkind = 'disk'\npath = '/'\nattempts = 1\nexpect = 'free > 9000000TB'\n";

/// A run of the tool on a checks file with this content.
fn smoke(sandbox: &Sandbox, checks: &str) -> Run {
    let file: PathBuf = sandbox.write("checks.toml", checks);
    sandbox.tool("smoke-test").arg(file)
}

/// The same, and `sandbox.peak()` tells the memory that it took.
fn smoke_measured(sandbox: &Sandbox, checks: &str) -> Run {
    let file: PathBuf = sandbox.write("checks.toml", checks);
    sandbox.measured("smoke-test").arg(file)
}

/// A checks file with one http check; `more` are further lines of it.
fn page(url: &str, more: &str) -> String {
    let expect = if more.contains("expect =") { "" } else { "expect = 'status == 200'" };
    format!(
        "[[check]]\nname = 'page'\nkind = 'http'\nurl = '{url}'\nattempts = 3\ninterval = '10ms'\n{expect}\n{more}\n"
    )
}

/// A checks file with one check that is made once; `lines` say what it looks at, `expect` is a TOML value.
fn once(kind: &str, lines: &str, expect: &str) -> String {
    format!("[[check]]\nname = 'it'\nkind = '{kind}'\nattempts = 1\n{lines}\nexpect = {expect}\n")
}

/// A run that must pass and say this.
fn passes(sandbox: &Sandbox, checks: &str, said: &str) {
    smoke(sandbox, checks).stdout_has(format!("it  pass  {said}")).check();
}

/// A run that must fail and say this.
fn fails(sandbox: &Sandbox, checks: &str, said: &str) {
    smoke(sandbox, checks).code(1).stdout_has(format!("it  fail  {said}")).any_stderr().check();
}

/// A run that must find the checks file wrong, and say this.
fn refuses(sandbox: &Sandbox, checks: &str, said: &str) {
    smoke(sandbox, checks).code(78).stderr_has(said).check();
}

/// Makes a named pipe that nobody writes to.
fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}
