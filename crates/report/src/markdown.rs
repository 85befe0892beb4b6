//! A report as Markdown that GitHub, GitLab and a mail show alike. Every text that is not our own stands in a code span.
//!
//! GitHub and GitLab look for `@name`, `#1` and addresses in the text that is already rendered, where a backslash has
//! no effect any more. What is code they leave alone, and nothing in it is markup (CommonMark 0.31, Code spans).

use kit::clock::{self, rfc3339};
use kit::voice::clean_line;

use crate::report::{Report, Step};

/// The report: a heading, the facts, the steps, and what failed.
pub(crate) fn page(report: &Report<'_>) -> String {
    let mut text = format!("## {}: {}\n\n{}", code(&report.deployment.id.to_string()), report.outcome, facts(report));
    if !report.steps.is_empty() {
        text += &format!("\n{}", steps(&report.steps));
    }
    for step in report.steps.iter().filter(|step| step.verdict == "failed") {
        text += &failure(step);
    }
    text + &paragraph("Note: ", report.note.as_deref())
}

/// Who asked for what, and when.
fn facts(report: &Report<'_>) -> String {
    let release = |name: Option<&kit::root::ReleaseName>| name.map(ToString::to_string).unwrap_or_default();
    let said = [
        ("subject", report.begin("subject")),
        ("commit", report.deployment.commit.clone()),
        ("author", report.begin("author")),
        ("from", report.begin("ref")),
        ("asked for by", report.begin("by")),
        ("release", release(report.deployment.release.as_ref())),
        ("live before", release(report.deployment.previous.as_ref())),
    ];
    let mut text = "| | |\n|---|---|\n".to_owned();
    for (name, value) in said.iter().filter(|(_, value)| !value.trim().is_empty()) {
        text += &format!("| {name} | {} |\n", cell(value));
    }
    text += &format!("| began | {} |\n", rfc3339(report.deployment.began_at));
    text += &format!("| took | {} |\n", clock::spell(report.duration_ms));
    text
}

fn steps(steps: &[Step]) -> String {
    let mut text = "| step | verdict | took | |\n|---|---|--:|---|\n".to_owned();
    for step in steps {
        let took = clock::spell(step.duration_ms);
        text += &format!("| {} | {} | {took} | {} |\n", cell(&step.name), step.verdict, cell(&step.note));
    }
    text
}

/// Why a step failed, and the next step where there is one.
fn failure(step: &Step) -> String {
    let why = format!("\nFailed: {}: {}\n", code(&step.name), code(&step.note));
    why + &paragraph("Hint: ", step.hint.as_deref())
}

fn paragraph(word: &str, text: Option<&str>) -> String {
    text.map(|text| format!("\n{word}{}\n", code(text))).unwrap_or_default()
}

/// A foreign text in a cell of a table. A table is cut at its pipes before it is looked at for code, so a pipe is
/// escaped there; parsers disagree about one behind a backslash, which is replaced.
fn cell(text: &str) -> String {
    code(&text.replace("\\|", "\u{fffd}|")).replace('|', "\\|")
}

/// A foreign text as code, on one line, between more backticks than it has in a row; nothing when it is blank.
fn code(text: &str) -> String {
    let text = clean_line(text);
    let text = text.trim();
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    match (text.is_empty(), longest) {
        (true, _) => String::new(),
        (false, 0) => format!("{fence}{text}{fence}"),
        // The blanks keep backticks at the ends apart from the fence, and are not a part of the code.
        (false, _) => format!("{fence} {text} {fence}"),
    }
}
