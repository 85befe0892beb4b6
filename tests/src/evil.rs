//! Names that somebody else chose: branches, commits, labels, files. Each is one that some tool somewhere fell for.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A sentence in a tool's own voice, for a name that would put it on a line of its own.
pub const FORGED: &str = "deploy-queue: prod-1: exit 0: live and verified";

/// The roots of all evil.
const ROOTS: [&str; 54] = [
    "-rf",
    "-",
    "--",
    "-c",
    "-n1",
    "--help",
    "--version",
    "--json",
    "--force",
    "--output=x",
    "--upload-pack=touch x",
    "--exec=touch x",
    "--end-of-options",
    "--checkpoint-action=exec=touch x",
    "--to-command=touch x",
    "$(touch x)",
    "$(touch${IFS}x)",
    "`touch x`",
    "${IFS}",
    "a;touch x",
    "a|touch x",
    "a&touch x",
    "a&&touch x",
    ">x",
    "<x",
    "'",
    "\"",
    "'; touch x; '",
    "\\",
    "*",
    "?",
    "[a-z]",
    "{a,b}",
    "~",
    "../x",
    "../../etc/passwd",
    "/proc/nonexistent/x",
    "./x",
    ".",
    "..",
    "@{u}",
    "@",
    "HEAD",
    ":path",
    ":/one",
    "main..HEAD",
    "^main",
    "main@{now}",
    "%s%n%x",
    "\u{fc}n\u{ef} \u{2603} \u{6f22}\u{5b57}",
    "\u{202e}txt.exe\u{2066}",
    "\u{1b}]0;owned\u{7}\u{1b}[2J",
    "a\rb\u{8}\u{7f}\u{9b}31m",
    "1=2",
];

/// How many of the names are roots: the others are made of them.
pub const PLAIN: usize = ROOTS.len() + 5;

/// More than five hundred names, the roots first.
#[must_use]
pub fn names() -> Vec<OsString> {
    let long = "x".repeat(5_000);
    let forged = format!("a\n{FORGED}\nremote: all is well");
    let roots: Vec<&str> = ROOTS.iter().copied().chain([&*long, &*forged, "\n", "\t", " "]).collect();
    let forms: [fn(&str) -> String; 9] = [
        str::to_owned,
        |root| format!("-{root}"),
        |root| format!("--branch={root}"),
        |root| format!("main{root}"),
        |root| format!("{root}main"),
        |root| format!("  {root}  "),
        |root| format!("refs/heads/{root}"),
        |root| format!("{root}^{{commit}}"),
        |root| format!("\"{root}\n"),
    ];
    let with = |form: &fn(&str) -> String| roots.iter().map(|root| OsString::from(form(root))).collect::<Vec<_>>();
    let mut names: Vec<OsString> = forms.iter().flat_map(with).collect();
    let bytes: [&[u8]; 5] = [b"\xff\xfe", b"-\x80", b"main\xc3", b"\xed\xa0\x80", b"a\xf0\x9f/x"];
    names.extend(bytes.map(|name| OsString::from_vec(name.to_vec())));
    names.push(OsString::new());
    names
}

/// Whether an output holds what could steer a terminal, or lets the forged sentence stand on a line of its own.
#[must_use]
pub fn steers(output: &[u8]) -> bool {
    let text = String::from_utf8_lossy(output);
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    let bidi =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.contains(|c| control(c) || bidi(c)) || text.lines().any(|line| line.starts_with(FORGED))
}

/// Whether a foreign name stands where it can only be a name: behind the end of all options, or behind words of our
/// own in the same argument.
#[must_use]
pub fn is_in_its_slot(args: &[Vec<u8>], name: &OsStr) -> bool {
    let name = name.as_bytes();
    let ended = args.iter().position(|arg| arg == b"--end-of-options" || arg == b"--").unwrap_or(args.len());
    let ours: [&[u8]; 3] = [b"--ref=", b"pushback.refs/", b"refs/"];
    args.iter().take(ended).all(|arg| {
        let holds = name.len() > 2 && arg.windows(name.len()).any(|part| part == name);
        !holds || ours.iter().any(|own| arg.starts_with(own))
    })
}
