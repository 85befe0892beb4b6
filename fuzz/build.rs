//! smoke-test is a program, not a library: its modules, whichever there are, become those of the target, as one file.

use std::path::Path;
use std::{env, fs};

fn main() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/smoke/src");
    let main = fs::read_to_string(source.join("main.rs")).expect("smoke-test is there");
    let modules: String = main.lines().filter_map(|line| module(line, &source)).collect();
    let place = env::var("OUT_DIR").expect("cargo says where");
    fs::write(Path::new(&place).join("modules.rs"), modules).expect("it can be written");
    println!("cargo::rerun-if-changed={}", source.display());
}

/// A module that a line names, with all that is in it.
fn module(line: &str, dir: &Path) -> Option<String> {
    let (visible, name) = line.strip_suffix(';')?.split_once("mod ")?;
    let text = fs::read_to_string(dir.join(format!("{name}.rs"))).expect("a module has a file");
    let below = dir.join(name);
    let inside: String = text
        .lines()
        .filter(|line| !line.starts_with("//!"))
        .map(|line| module(line, &below).unwrap_or_else(|| format!("{line}\n")))
        .collect();
    Some(format!("{visible}mod {name} {{\n{inside}}}\n"))
}
