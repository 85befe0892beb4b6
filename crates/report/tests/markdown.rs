//! deployment-report --format markdown: a strict parser finds the report's own structure and nothing else, whatever the
//! subjects, names and messages are.
#![cfg(test)]

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::json;
use testkit::{Sandbox, commit_of, release_of};

/// Text that tries to be markup, a mention, a link, a table, a fence, a terminal's command, or all of them.
const HOSTILE: [&str; 48] = [
    "# heading",
    "\n# heading\n",
    "- item",
    "1. item",
    "> quote",
    "---",
    "\n---\n",
    "| cell | cell |",
    "a|b",
    "\\|",
    "\\\\|",
    "|",
    "||",
    "\\",
    "`",
    "``",
    "```",
    "``` sh\n",
    "````````",
    "~~~",
    "`a` `b",
    "` |",
    "|`",
    "*bold*",
    "__bold__",
    "~~gone~~",
    "[text](https://evil.example)",
    "![image](https://evil.example/x.png)",
    "[^1]",
    "[x]: /y",
    "<https://evil.example>",
    "https://evil.example",
    "www.evil.example",
    "ada@evil.example",
    "@everyone",
    "@ada",
    "#1",
    "owner/repo#1",
    "<b>",
    "<script>alert(1)</script>",
    "<!-- ",
    "&lt;&#64;ada",
    "$`x`$",
    ":tada:",
    "[[wiki]]",
    "\u{1b}[31m\u{9b}\r\u{0}",
    "\u{202e}gnp.exe",
    "    ",
];

/// The report of a deployment whose every text is one of these, in turn.
fn report(texts: &[String]) -> String {
    let sandbox = Sandbox::new();
    let text = |turn: usize| texts[turn % texts.len()].clone();
    let failed = |turn: usize| {
        json!({"tool": "run-step", "step": text(turn), "deploy": "prod-2", "success": false, "duration_ms": 1234,
               "error": {"kind": "no", "message": text(turn + 1), "hint": text(turn + 2)}})
    };
    sandbox.history(&[
        json!({"tool": "deploy-queue", "command": "begin", "deploy": "prod-2", "commit": text(0),
               "details": {"previous": release_of(1), "subject": text(1), "author": text(2), "by": text(3),
                           "ref": text(4)}}),
        json!({"tool": "release", "command": "stage", "step": "stage", "deploy": "prod-2", "success": true,
               "release": release_of(2), "details": {"path": text(5)}}),
        failed(6),
        json!({"tool": "deploy-queue", "command": "end", "deploy": "prod-2", "success": false, "exit_code": 1,
               "duration_ms": 65_000, "details": {"note": text(9)}}),
    ]);
    let run = sandbox.tool("deployment-report").args(["--format", "markdown"]);
    run.any_stdout().check().stdout
}

/// What a parser that knows every extension makes of it: the structure, and what stands as code.
fn parsed(markdown: &str, options: Options) -> (String, Vec<String>) {
    let (mut shape, mut codes) = (String::new(), Vec::new());
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(tag @ (Tag::Heading { .. } | Tag::Paragraph | Tag::Table(_) | Tag::TableHead)) => {
                shape += &format!("{:?}\n", tag.to_end());
            }
            Event::Start(Tag::TableRow) => shape += "row\n",
            Event::Start(Tag::TableCell) => shape += "cell ",
            Event::End(
                TagEnd::Heading(_) | TagEnd::Paragraph | TagEnd::Table | TagEnd::TableHead | TagEnd::TableRow,
            ) => {
                shape += "end\n";
            }
            Event::End(TagEnd::TableCell) => {}
            Event::Text(text) => shape += &format!("{text:?} "),
            Event::Code(code) => {
                shape += "code ";
                codes.push(code.into_string());
            }
            other => panic!("{other:?} in\n{markdown}"),
        }
    }
    (shape, codes)
}

/// A text as it may be shown: on one line, without what steers a terminal.
fn shown(text: &str) -> String {
    let clean = |c: char| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() || c == '\u{202e}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(clean).collect::<String>().trim().to_owned()
}

/// That the report of these texts has the structure of one of harmless texts, and shows the texts as they are.
fn is_harmless(texts: &[String]) {
    let markdown = report(texts);
    let harmless: Vec<String> = (0..10).map(|turn| format!("text {turn}")).collect();
    let harmless = report(&harmless);
    assert!(!markdown.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'), "{markdown:?}");
    for options in [Options::all(), Options::ENABLE_TABLES | Options::ENABLE_GFM] {
        let ((shape, codes), (expected, _)) = (parsed(&markdown, options), parsed(&harmless, options));
        assert_eq!(shape, expected, "{texts:?} in\n{markdown}");
        let text = |turn: usize| shown(&texts[turn % texts.len()]);
        // In a table a pipe behind a backslash would be one to some parsers only.
        let in_cell = |turn: usize| text(turn).replace("\\|", "\u{fffd}|");
        let facts = [1, 0, 2, 4, 3].map(in_cell);
        let steps = ["stage".to_owned(), in_cell(5), in_cell(6), in_cell(7)];
        let failure = [6, 7, 8, 9].map(text);
        let releases = [release_of(2), release_of(1)];
        let all = [&["prod-2".to_owned()][..], &facts, &releases, &steps, &failure].concat();
        assert_eq!(codes, all, "{markdown}");
    }
}

#[test]
fn a_deployment_is_told_as_markdown() {
    let sandbox = Sandbox::new();
    sandbox.deployed(1, Some(0));
    sandbox.deployed(2, None);
    sandbox.history(&[
        json!({"tool": "smoke-test", "command": "check", "step": "smoke", "deploy": "prod-2", "success": false, "duration_ms": 9800,
               "error": {"kind": "no", "message": "1 of 3 checks failed: health | front", "hint": "what the app said: app.log"}}),
        json!({"tool": "rollback", "command": "deploy", "step": "rollback", "deploy": "prod-2", "success": true,
               "details": {"plan": "back to 1-0000001"}}),
        json!({"tool": "deploy-queue", "command": "end", "deploy": "prod-2", "success": false, "exit_code": 4,
               "duration_ms": 12_500}),
    ]);
    let text = format!(
        "## `prod-2`: exit 4: the smoke test failed; rolled back

| | |
|---|---|
| subject | `Change 2` |
| commit | `{}` |
| author | `Ada` |
| from | `refs/heads/main` |
| asked for by | `ada` |
| release | `2-0000002` |
| live before | `1-0000001` |
| began | 2026-11-21T10:15:00.000Z |
| took | 12.5 s |

| step | verdict | took | |
|---|---|--:|---|
| `stage` | ok | 0.0 s |  |
| `activate` | ok | 0.0 s |  |
| `smoke` | failed | 9.8 s | `1 of 3 checks failed: health \\| front` |
| `rollback` | ok | 0.0 s | `back to 1-0000001` |

Failed: `smoke`: `1 of 3 checks failed: health | front`

Hint: `what the app said: app.log`
",
        commit_of(2)
    );
    sandbox.tool("deployment-report").args(["--format", "markdown"]).stdout(text).check();
}

#[test]
fn a_deployment_that_tells_nothing_of_itself_is_markdown_too() {
    let sandbox = Sandbox::new();
    sandbox.history(&[json!({"tool": "deploy-queue", "command": "begin", "deploy": "a-_b_-1", "commit": "c"})]);
    let text = "## `a-_b_-1`: it has no end: it runs, or was killed\n\n| | |\n|---|---|\n| commit | `c` |\n| began | \
                2026-11-21T10:15:00.000Z |\n| took | 0.0 s |\n";
    sandbox.tool("deployment-report").args(["--format", "markdown"]).stdout(text).check();
}

#[test]
fn no_foreign_text_is_ever_markup() {
    for text in HOSTILE.iter().filter(|text| !shown(text).is_empty()) {
        is_harmless(&[(*text).to_owned()]);
    }
}

#[test]
fn no_generated_text_is_ever_markup() {
    // Numbers of a fixed seed (Knuth's MMIX), so that a failure can be seen again.
    let mut state: u64 = 42;
    let mut number = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for _ in 0..100 {
        let mut text = || (0..=number(4)).map(|_| HOSTILE[number(HOSTILE.len())]).collect::<String>() + "x";
        let texts: Vec<String> = (0..10).map(|_| text()).collect();
        is_harmless(&texts);
    }
}
