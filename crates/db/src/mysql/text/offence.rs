//! Statements that no dump of one database holds.

use kit::voice;

use crate::mysql::text::head::Token;

/// What statements of dumps begin with.
const KNOWN: [&str; 16] = [
    "SET", "DROP", "CREATE", "INSERT", "REPLACE", "LOCK", "UNLOCK", "ALTER", "DO", "SELECT", "COMMIT", "START",
    "BEGIN", "ANALYZE", "OPTIMIZE", "ROLLBACK",
];

/// What belongs to the server, or is another database.
const FOREIGN: [&str; 12] = [
    "DATABASE",
    "SCHEMA",
    "USER",
    "ROLE",
    "SERVER",
    "TABLESPACE",
    "LOGFILE",
    "INSTANCE",
    "RESOURCE",
    "GLOBAL",
    "PERSIST",
    "PASSWORD",
];

/// What belongs to a database.
pub(crate) const OWN: [&str; 10] =
    ["TABLE", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "SEQUENCE", "PACKAGE", "INDEX", "TABLES"];

/// What a statement does that no dump of one database does.
pub(crate) fn offence(tokens: &[Token]) -> Option<String> {
    let first = tokens.first()?;
    let second =
        tokens.iter().skip(1).find(|token| !matches!(token.word(), "OR" | "REPLACE" | "IF" | "NOT" | "EXISTS"));
    let second = second.map_or("", Token::word);
    let shown = || voice::clean_line(&format!("{} {second}", first.name().unwrap_or("?")));
    let verb = first.word();
    if !KNOWN.contains(&verb) || (verb == "SELECT" && second != "SETVAL") {
        return Some(format!("a statement that begins with {}", shown().trim_end()));
    }
    let is_foreign = |token: &Token| FOREIGN.contains(&token.word());
    // `CREATE TABLE user` makes no user: what is made comes before its name. SET may name many things.
    let before_name = tokens.iter().skip(1).take_while(|token| verb == "SET" || !OWN.contains(&token.word()));
    let scope = before_name
        .take_while(|token| verb == "SET" || !matches!(token, Token::Name(_) | Token::Symbol(b'(')))
        .find(|token| is_foreign(token));
    if let Some(scope) = scope.filter(|_| matches!(verb, "SET" | "CREATE" | "DROP" | "ALTER")) {
        return Some(format!("{verb} {}", scope.word()));
    }
    let is_data = matches!(verb, "INSERT" | "REPLACE") || matches!(second, "TABLE" | "TABLES" | "SEQUENCE");
    let leaves = is_data.then(|| qualified(tokens)).flatten();
    leaves.map(|name| format!("it names the table {}, in another database", voice::clean_line(&name)))
}

/// The first `a.b`.
fn qualified(tokens: &[Token]) -> Option<String> {
    tokens.windows(3).find_map(|three| match three {
        [schema, Token::Symbol(b'.'), table] => Some(format!("{}.{}", schema.name()?, table.name()?)),
        _ => None,
    })
}
