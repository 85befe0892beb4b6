#![cfg(test)]
//! The real smoke-test against a small strict web server whose every answer is the test's own.

mod commands;
mod commit;
mod grammar;
mod http;
mod json;
mod outcome;
mod pipeline;
mod server;

use std::path::PathBuf;

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

/// A checks file with one http check; `more` are further lines of it.
fn page(url: &str, more: &str) -> String {
    let expect = if more.contains("expect =") { "" } else { "expect = 'status == 200'" };
    format!(
        "[[check]]\nname = 'page'\nkind = 'http'\nurl = '{url}'\nattempts = 3\ninterval = '10ms'\n{expect}\n{more}\n"
    )
}
