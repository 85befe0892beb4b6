//! The documents say what the tools do: links lead somewhere, flags exist, and the tables of exit codes agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use testkit::{Sandbox, TOOLS, tool_path};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(relative: &str) -> String {
    fs::read_to_string(workspace().join(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// Every document, as its path and its text.
fn documents() -> Vec<(PathBuf, String)> {
    let examples = ["examples/guestbook/README.md", "examples/checks/README.md"];
    let names = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"].into_iter().chain(examples);
    let mut paths: Vec<PathBuf> = names.map(|name| workspace().join(name)).collect();
    let docs = fs::read_dir(workspace().join("docs")).expect("there are documents");
    paths.extend(docs.map(|entry| entry.expect("a file").path()));
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(&path).expect("text"))).collect()
}

/// The help of a tool and of all its commands.
fn help(tool: &str) -> String {
    let sandbox = Sandbox::new();
    let ask = |command: Option<&str>| {
        let run = sandbox.program(&tool_path(tool)).args(command).arg("--help");
        run.any_stdout().check().stdout
    };
    let mut text = ask(None);
    if let Some((_, commands)) = text.clone().split_once("Commands:\n") {
        // A command stands behind two blanks, the rest of a wrapped description behind more.
        let rows = commands.lines().take_while(|line| !line.is_empty());
        let names = rows.filter_map(|row| row.strip_prefix("  ")?.split(' ').next());
        for command in names.filter(|name| !name.is_empty() && *name != "help") {
            text += &ask(Some(command));
        }
    }
    text
}

/// The lines of fenced blocks that begin with one of our tools, a prompt before it or not.
fn commands(text: &str) -> Vec<(&'static str, String)> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        let line = line.trim_start_matches(['$', ' ']).split(" #").next().unwrap_or_default();
        let line = line.trim_start_matches("sudo -u deploy ");
        let tool = TOOLS.iter().find(|tool| line.starts_with(&format!("{tool} ")));
        if let (true, Some(tool)) = (fenced, tool) {
            found.push((*tool, line.to_owned()));
        }
    }
    found
}

#[test]
fn every_link_within_the_project_leads_somewhere() {
    for (path, text) in documents() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#', ' ']).next()) {
            let outside = link.is_empty() || link.contains("://");
            assert!(outside || path.parent().unwrap().join(link).exists(), "{}: {link}", path.display());
        }
    }
}

#[test]
fn every_flag_of_a_command_in_the_documents_exists() {
    let help = TOOLS.map(|tool| (tool, help(tool)));
    let mut seen = 0;
    for (path, text) in documents() {
        for (tool, line) in commands(&text) {
            let own = line.split(" -- ").next().unwrap_or_default();
            let flags = own.split_whitespace().skip(1).filter(|word| word.starts_with("--") && word.len() > 2);
            for flag in flags.map(|flag| flag.split('=').next().unwrap_or_default().trim_end_matches(']')) {
                let text = &help.iter().find(|(name, _)| *name == tool).unwrap().1;
                let known = text.split([' ', ',', '\n', '=', '[']).any(|word| word == flag);
                assert!(known, "{}: {tool} has no {flag}: {line}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 10, "only {seen} flags were found: does this test still read the documents?");
}

#[test]
fn every_setting_in_a_help_text_stands_in_the_contract() {
    let contract = read("docs/contract.md");
    let mut seen = BTreeSet::new();
    for tool in TOOLS {
        let text = help(tool).split_whitespace().collect::<Vec<_>>().join(" ");
        seen.extend(text.split("[env: ").skip(1).filter_map(|rest| rest.split(']').next()).map(str::to_owned));
    }
    assert!(seen.contains("STEP_TIMEOUT"), "{seen:?}");
    for name in seen {
        assert!(contract.contains(&format!("`{name}`")), "docs/contract.md does not name {name}");
    }
}

/// Two changes of one page at the same time can lose the lines that both of them begin with.
#[test]
fn every_table_has_a_head_and_every_block_of_code_an_end() {
    for (path, text) in documents() {
        let is_fence = |line: &&str| line.trim_start().starts_with("```");
        assert_eq!(text.lines().filter(is_fence).count() % 2, 0, "{}: a block without an end", path.display());
        let mut is_code = false;
        let is_row = |line: &str| {
            is_code ^= is_fence(&line);
            !is_code && line.trim_start().starts_with('|')
        };
        let rows: Vec<bool> = text.lines().map(is_row).collect();
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate().filter(|(at, _)| rows[*at] && (*at == 0 || !rows[*at - 1])) {
            let below = lines.get(at + 1).unwrap_or(&"").trim_start();
            assert!(below.starts_with("|--") || below.starts_with("|:-"), "{}: no head: {line}", path.display());
        }
    }
}

/// The codes in the first cells of a table's rows: `| 1 |`, `| 77, 78 |`, ``| `0` |``.
fn codes_in_tables(text: &str) -> BTreeSet<String> {
    let cells = text.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('|'));
    let codes = cells.flat_map(|cell| cell.split([',', ' ', '`'])).map(str::trim);
    codes.filter(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit())).map(str::to_owned).collect()
}

#[test]
fn every_exit_code_of_the_pipeline_stands_in_the_readme_and_in_the_recovery_page() {
    let script = read("scripts/deploy");
    let header = script.split("# Exit status:").nth(1).expect("the header").split("\n\n").next().expect("its end");
    let codes = header.split([' ', ',']).filter(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_digit()));
    let (readme, recovery) = (codes_in_tables(&read("README.md")), read("docs/recovery.md"));
    let mut seen = 0;
    for code in codes {
        assert!(readme.contains(code), "README.md does not tell what {code} means");
        let told = recovery
            .lines()
            .any(|line| line.starts_with('#') && line.split([' ', ',', ':', '.']).any(|word| word == code));
        assert!(told, "docs/recovery.md has no heading for exit {code}");
        seen += 1;
    }
    assert_eq!(seen, 13);
}

#[test]
fn every_exit_code_of_a_tool_stands_in_the_contract() {
    let contract = codes_in_tables(&read("docs/contract.md"));
    for tool in TOOLS {
        let text = help(tool);
        let table = text.split("Exit status:\n").nth(1).expect("a table").split("\n\n").next().expect("its end");
        let first = table.lines().filter_map(|line| line.split_whitespace().next());
        let mut seen = BTreeSet::new();
        for code in first.filter(|word| word.chars().all(|c| c.is_ascii_digit())) {
            assert!(seen.insert(code), "{tool} --help has {code} twice");
            assert!(contract.contains(code), "docs/contract.md does not tell what {code} means ({tool})");
        }
    }
}

#[test]
fn every_test_that_the_page_of_faults_names_exists() {
    let page = read("docs/faults.md");
    let mut seen = 0;
    for row in page.lines().filter(|line| line.starts_with('|') && line.contains(".rs`: ")) {
        let cell = row.trim_end_matches(['|', ' ']).rsplit('|').next().expect("a last cell");
        let named: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        let [file, test] = named[..] else { panic!("not a file and a test: {cell}") };
        let text = read(file);
        assert!(text.contains(&format!("#[test]\nfn {test}() {{")), "{file} has no test {test}");
        seen += 1;
    }
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault ")).count();
    assert!(seen == rows && seen > 40, "{seen} of {rows} rows name their test");
}
