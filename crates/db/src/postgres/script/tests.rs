use super::Script;
use crate::engine::Text;
use crate::manifest::Census;

const END: &str = "--\n-- PostgreSQL database dump complete\n--\n\n";

/// Reads a text in pieces of so many bytes.
fn read(text: &str, size: usize) -> Result<Census, kit::Failure> {
    let mut script = Box::new(Script::default());
    text.as_bytes().chunks(size).for_each(|piece| script.read(piece));
    script.finish()
}

/// What is counted, however the text is cut.
fn counted(text: &str) -> Vec<(String, u64)> {
    let text = format!("{text}{END}");
    let whole = read(&text, usize::MAX).unwrap_or_else(|failure| panic!("{}: {text}", failure.message));
    for size in 1..9 {
        assert_eq!(read(&text, size).unwrap(), whole, "in pieces of {size}");
    }
    whole.into_iter().collect()
}

fn one(table: &str, rows: u64) -> Vec<(String, u64)> {
    vec![(table.to_owned(), rows)]
}

#[test]
fn rows_are_counted_per_table() {
    let text = "COPY public.users (id, name) FROM stdin;\n1\tAda\n2\t\\N\n\\.\n\n\
                COPY public.empty (id) FROM stdin;\n\\.\nCOPY public.users (id) FROM stdin;\n3\n\\.\n";
    assert_eq!(counted(text), [("public.empty".to_owned(), 0), ("public.users".to_owned(), 3)]);
}

#[test]
fn names_may_hold_anything() {
    for (name, is) in [
        ("\"Side Room\".\"order\"", "Side Room.order"),
        ("public.\"a \"\" ; ' (b\"", "public.a \" ; ' (b"),
        ("public.\"line\nbreak\"", "public.line\nbreak"),
        ("public.\"COPY x FROM stdin;\"", "public.COPY x FROM stdin;"),
        ("public.\"-- x\"", "public.-- x"),
        ("public.\"\\restrict\"", "public.\\restrict"),
        ("PUBLIC.таблица", "public.таблица"),
        ("public . \"from\" /* a */ -- b\n", "public.from"),
        ("lonely", "lonely"),
    ] {
        assert_eq!(counted(&format!("COPY {name} (a, \"FROM stdin\", b) FROM stdin;\n1\n\\.\n")), one(is, 1), "{name}");
    }
    assert_eq!(counted("copy public.no_columns  from STDIN;\n\n\n\\.\n"), one("public.no_columns", 2));
    assert_eq!(counted("COPY t (a) FROM stdin WITH (FORMAT csv);\n1\n\\.\n"), one("t", 1));
}

#[test]
fn rows_that_look_like_their_end_are_rows() {
    let rows = "\\\\.\n\\.x\n \\.\n\\\n.\n\n\\..\n";
    assert_eq!(counted(&format!("COPY t (a) FROM stdin;\n{rows}\\.\n")), one("t", 7));
    assert_eq!(counted("COPY t (a) FROM stdin;\r\n1\r\n\\.\r\n"), one("t", 1));
    let long = "x".repeat(100_000);
    assert_eq!(read(&format!("COPY t (a) FROM stdin;\n{long}\n{long}\n\\.\n{END}"), 999).unwrap()["t"], 2);
}

#[test]
fn what_only_looks_like_rows_is_none() {
    let copy = "\nCOPY x FROM stdin;\n1\n\\.\n";
    for text in [
        format!("SELECT '{copy}';"),
        format!("SELECT 'it''s{copy}';"),
        format!("SELECT E'\\'{copy}';"),
        format!("SELECT e'a''b\\'{copy}';"),
        format!("SELECT 'back\\' , '{copy}';"),
        format!("SELECT type'\\', '{copy}';"),
        format!("CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ {copy} $$;"),
        format!("CREATE FUNCTION f() AS $_$ $$ {copy} $_ $_$;"),
        format!("CREATE FUNCTION f() AS $größe$ $gr {copy} $$größe$;"),
        format!("/* {copy} /* nested **/ {copy} */ SELECT 1;"),
        format!("SELECT 1 AS \"{copy}\";"),
        format!("SELECT a$b, '$b{copy}' FROM t;"),
        format!("SELECT $1, '{copy}';"),
        "-- COPY x FROM stdin;\nSELECT 1;".to_owned(),
        "COPY x TO stdout;".to_owned(),
        "COPY x FROM '/a/file';".to_owned(),
        "COPY (SELECT a FROM stdin) TO stdout;".to_owned(),
        "COPY x FROM \"stdin\";".to_owned(),
        "INSERT INTO copy VALUES (1); SELECT copy FROM stdin;".to_owned(),
        "CREATE RULE r AS ON INSERT TO t DO ALSO (COPY x FROM stdin; SELECT 1);".to_owned(),
        "SELECT 1 - -1, 2 / 3, a[1:2] - 4;".to_owned(),
    ] {
        assert_eq!(counted(&format!("{text}\n")), [], "{text}");
        let followed = format!("{text}\nCOPY t (a) FROM stdin;\n1\n\\.\n");
        assert_eq!(counted(&followed), one("t", 1), "{followed}");
    }
}

#[test]
fn a_dump_that_does_not_end_as_it_should_is_damaged() {
    let whole = format!("\\restrict aZ09\n\nSET x = 'y';\nCOPY t (a) FROM stdin;\n1\n\\.\n{END}\\unrestrict aZ09\n");
    assert_eq!(read(&whole, usize::MAX).unwrap()["t"], 1);
    let told = whole.find("complete").unwrap() + "complete".len();
    for length in 0..told {
        assert_eq!(read(&whole[..length], usize::MAX).unwrap_err().exit.code(), 65, "after {length} bytes");
    }
    assert!(read(&whole[..told], usize::MAX).is_ok() && read(whole.trim_end(), usize::MAX).is_ok());
    for more in [
        "SELECT 1;",
        "SELECT 1",
        "'",
        "\"",
        "$$",
        "/*",
        ";",
        "-- more\n",
        "\\restrict x\n",
        "COPY t FROM stdin;\n",
        "\\q\n",
    ] {
        let failure = read(&format!("{whole}{more}"), usize::MAX).unwrap_err();
        assert_eq!(failure.exit.code(), 65, "{more}");
    }
    for text in
        ["", "SELECT '\n-- PostgreSQL database dump complete\n';", "SELECT 1\n-- PostgreSQL database dump complete\n"]
    {
        assert_eq!(read(text, usize::MAX).unwrap_err().exit.code(), 65, "{text}");
    }
}

/// What goes to psql, or the failure.
fn passed(text: &str, size: usize) -> Result<String, kit::Failure> {
    let mut script = Script::default();
    let mut all = Vec::new();
    for piece in text.as_bytes().chunks(size) {
        all.extend(script.pass(piece)?.concat());
    }
    Ok(String::from_utf8(all).unwrap())
}

#[test]
fn only_the_dumps_own_pair_is_taken_off() {
    let text = "--\n-- a dump\n--\n\n\\restrict aZ09\n\nSELECT '\\! x';\nCOPY t (a) FROM stdin;\n\\! x\n\\.\n/* \\! */\n\\unrestrict aZ09\n\n";
    let expected = text.replace("\\restrict aZ09", "").replace("\\unrestrict aZ09", "");
    for size in [1, 2, 3, 5, 8, 1000] {
        assert_eq!(passed(text, size).unwrap(), expected, "in pieces of {size}");
    }
}

#[test]
fn no_other_command_of_psql_passes() {
    for line in [
        "\\! touch x",
        "\\o |sh",
        "\\copy t from program 'x'",
        "\\i file",
        "\\c other",
        "\\gexec",
        "SELECT 1 \\g |sh",
        "SELECT 1; \\! x",
        "SELECT x\\! y",
        "SELECT 'a'\\! y",
        "SELECT 1 \\restrict x",
        "\\restrict",
        "\\restrict a b",
        "\\restrict a\\! x",
        "\\unrestrict \\! x",
        "\\",
        "COPY t FROM stdin; \\! x",
        "SELECT $$ $$ \\! x",
        "SELECT \"a\" \\! x",
        "/* */ \\! x",
        "SELECT a$b$ \\! x --$b$",
    ] {
        for size in [1, 3, 1000] {
            let failure = passed(&format!("SET a = b;\n{line}\nSELECT 2;\n"), size).unwrap_err();
            assert_eq!(failure.exit.code(), 65, "{line}");
        }
    }
}
