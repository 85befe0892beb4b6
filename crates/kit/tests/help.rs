//! Every tool of the family explains itself: help, man page, version, and what it takes instead of what it was given.
#![cfg(test)]

use std::fs;

use testkit::{Sandbox, tools_dir};

/// The tools, and the settings that each one's own options read.
const TOOLS: [(&str, &[(&str, &str)]); 10] = [
    ("backup-db", &[]),
    ("deploy-queue", &[]),
    ("deploy-status", &[("", "DEPLOYMENT_TIMEOUT")]),
    ("deployment-report", &[]),
    ("post-receive", &[]),
    ("release", &[("activate", "DEPLOYMENT_TIMEOUT"), ("deactivate", "DEPLOYMENT_TIMEOUT")]),
    ("restore-db", &[]),
    ("rollback", &[]),
    ("run-step", &[("", "STEP_TIMEOUT")]),
    ("smoke-test", &[("", "PUSHBACK_RELEASE"), ("", "DEPLOYMENT_TIMEOUT"), ("", "SMOKE_INCONCLUSIVE")]),
];

/// What a tool prints for these arguments, with every space as one: a name may stand at the end of a line.
fn print(sandbox: &Sandbox, tool: &str, args: &[&str]) -> String {
    let text = sandbox.tool(tool).args(args).any_stdout().check().stdout;
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words(command: &'static str, flag: &'static str) -> Vec<&'static str> {
    [command, flag].into_iter().filter(|word| !word.is_empty()).collect()
}

#[test]
fn every_tool_is_looked_at_here() {
    let is_tool = |name: &str| !name.contains('.') && !name.starts_with("lib") && name != "deploy";
    let entries = fs::read_dir(tools_dir()).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let mut built: Vec<String> = files.map(|entry| entry.file_name().into_string().unwrap()).collect();
    built.retain(|name| is_tool(name));
    built.sort();
    assert_eq!(built, TOOLS.map(|(tool, _)| tool));
}

#[test]
fn help_tells_the_exit_status_and_examples() {
    let sandbox = Sandbox::new();
    for (tool, _) in TOOLS {
        let help = print(&sandbox, tool, &["--help"]);
        for part in ["Usage: ", "Exit status: 0 ", " 2 wrong usage", " 128+n ended by signal n", "Examples: ", "--json"]
        {
            assert!(help.contains(part), "{tool}: {part:?} is not in {help}");
        }
        assert!(help.contains(&format!("Examples: {tool} ")) || help.contains(&format!(" {tool}")), "{tool}: {help}");
    }
}

#[test]
fn help_names_the_setting_behind_each_option_and_never_its_value() {
    let sandbox = Sandbox::new();
    for (tool, own) in TOOLS {
        for (command, setting) in own.iter().chain(&[("", "PUSHBACK_ENV")]) {
            let run = sandbox.tool(tool).env(setting, "canary").args(words(command, "--help"));
            let help = run.any_stdout().check().stdout;
            assert!(!help.contains("canary"), "{tool} {command}: {help}");
            let help = print(&sandbox, tool, &words(command, "--help"));
            assert!(help.contains(&format!("[env: {setting}]")), "{tool} {command}: {setting}: {help}");
        }
    }
}

#[test]
fn help_needs_no_settings() {
    let sandbox = Sandbox::new();
    for (tool, _) in TOOLS {
        for flag in ["--help", "-h", "--version", "-V"] {
            let run = sandbox.tool(tool).env("PUSHBACK_ENV", "/nonexistent").arg(flag);
            run.any_stdout().check();
        }
    }
}

#[test]
fn the_man_page_is_clean() {
    let sandbox = Sandbox::new();
    for (tool, _) in TOOLS {
        let page = sandbox.tool(tool).args(["--generate", "man"]).any_stdout().check().stdout;
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT STATUS\"", "EXAMPLES"] {
            assert!(page.contains(&format!(".SH {section}\n")), "{tool}: {section}: {page}");
        }
        let lint = sandbox.program("mandoc".as_ref()).args(["-T", "lint", "-W", "warning"]);
        lint.stdin(page).check();
    }
}

#[test]
fn the_man_page_and_the_help_tell_the_same_codes() {
    let sandbox = Sandbox::new();
    for (tool, _) in TOOLS {
        let help = sandbox.tool(tool).arg("--help").any_stdout().check().stdout;
        let page = sandbox.tool(tool).args(["--generate", "man"]).any_stdout().check().stdout;
        let (_, table) = help.split_once("Exit status:\n").unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let code = |line: &str| line.get(2..)?.split("  ").next()?.parse::<u8>().ok();
        let codes: Vec<u8> = table.lines().filter_map(code).collect();
        assert!([0, 2, 74, 77, 78, 101].iter().all(|code| codes.contains(code)), "{tool}: {table}");
        for code in codes {
            assert!(page.contains(&format!("\\fB{code}\\fR\n")), "{tool}: {code}: {page}");
        }
    }
}

#[test]
fn the_version_is_the_name_and_the_number() {
    let sandbox = Sandbox::new();
    for (tool, _) in TOOLS {
        let run = sandbox.tool(tool).arg("--version");
        run.stdout(format!("{tool} {}\n", env!("CARGO_PKG_VERSION"))).check();
    }
}

#[test]
fn an_unknown_flag_is_2_and_what_there_is_is_named() {
    let sandbox = Sandbox::new();
    for (tool, flag) in [("run-step", "--setting"), ("rollback", "--guard"), ("deployment-report", "--journal")] {
        let run = sandbox.tool(tool).arg("--no-such-flag").code(2);
        let said = run.stderr_has(format!("{tool}: ")).stderr_has("'--no-such-flag'").check().stderr;
        let (_, supported) = said.split_once("; supported: ").unwrap();
        assert!(supported.contains(flag), "{said}");
    }
    for (tool, _) in TOOLS {
        let run = sandbox.tool(tool).arg("--no-such-flag").code(2);
        run.stderr_has(format!("{tool}: ")).stderr_has("--no-such-flag").check();
    }
}

#[test]
fn an_unknown_command_is_2_and_what_there_is_is_named() {
    let sandbox = Sandbox::new();
    for (tool, commands) in [
        ("release", &["stage", "activate", "deactivate", "current", "list", "prune"][..]),
        ("deploy-queue", &["submit", "run", "list", "log"]),
        ("post-receive", &["install"]),
    ] {
        let said = sandbox.tool(tool).arg("frobnicate").code(2).stderr_has("frobnicate").check().stderr;
        let (_, supported) = said.split_once("; supported: ").unwrap();
        assert!(commands.iter().all(|command| supported.contains(command)), "{said}");
    }
}

#[test]
fn an_unknown_flag_of_a_command_names_what_that_command_takes() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("release").args(["prune", "--no-such-flag"]).code(2);
    run.stderr_has("supported: ").stderr_has("--keep").stderr_has("--dry-run").check();
}

#[test]
fn nothing_but_man_can_be_generated() {
    let sandbox = Sandbox::new();
    let run = sandbox.tool("release").args(["--generate", "completions"]).code(2);
    run.stderr("release: cannot generate completions; supported: man\n").check();
}
