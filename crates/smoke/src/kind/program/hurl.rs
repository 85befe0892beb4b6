//! A file of hurl: requests, and what must come back.

use std::ffi::OsString;

use kit::Failure;
use serde_json::Value;

use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::grammar::keys::Keys;
use crate::grammar::template::Captured;
use crate::grammar::text::excerpt;
use crate::kind::program::{Answer, Asking, Row, Shape, words};

/// A file, and what is put into it.
#[derive(Clone, Debug)]
pub(crate) struct HurlFile {
    path: String,
    env: Vec<(OsString, OsString)>,
}

impl Row for HurlFile {
    const NAME: &'static str = "hurl";
    const KEYS: &'static [&'static str] = &["file", "variables"];
    const FIELDS: &'static [(&'static str, Shape)] = &[("passes", Shape::Flag)];
    const WORDS: &'static str = "passes (a hurl check)";
    const SOURCE: &'static str = "see https://hurl.dev/docs/installation.html";

    fn read(keys: &mut Keys<'_>) -> Result<Self, Failure> {
        let path = keys.required("file", "the path of a file, as in \"checks/login.hurl\"")?;
        if path.is_empty() {
            return Err(keys.wrong_at("file", "`file` is empty"));
        }
        let mut env = Vec::new();
        for (name, value) in keys.templates("variables")? {
            let value = value.fill(&Captured::new(), str::to_owned);
            if !is_name(&name) {
                let sentence = "a name in `variables` is letters, digits and _, and one of them is a small letter";
                return Err(keys.wrong_at("variables", sentence));
            }
            // The environment of a program is its user's own, its arguments are everybody's. hurl 8 takes the longer name
            // only; older ones know the shorter.
            env.push((format!("HURL_VARIABLE_{name}").into(), value.clone().into()));
            env.push((format!("HURL_{name}").into(), value.into()));
        }
        Ok(Self { path, env })
    }

    fn spell(&self) -> String {
        self.path.clone()
    }

    fn ask(&self, asking: &Asking<'_>) -> Result<Answer, Finding> {
        let path = asking.conditions.dir.join(&self.path);
        if !path.is_file() {
            return Err(Finding::bad(format!("there is no file {}", path.display())));
        }
        let mut argv = words(["hurl", "--test", "--no-color"]);
        argv.push(path.into_os_string());
        let end = asking.run(&argv, &self.env)?;
        if end.code == 0 {
            return Ok(Answer { summary: "it passes".to_owned(), ..Answer::default() }.and("passes", true));
        }
        let evidence = Evidence::default().and("stderr", &end.stderr);
        Ok(Answer { evidence, ..Answer::default() }.and("passes", Value::from(complaint(&end.stderr, end.code))))
    }
}

/// No name that is an option of hurl's, which are all in capitals: `HURL_INSECURE`.
fn is_name(name: &str) -> bool {
    let belongs = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(belongs) && name.contains(|c: char| c.is_ascii_lowercase())
}

/// The first complaint of hurl, in one line: what it is, where in the file, and what was found.
fn complaint(said: &str, code: u8) -> String {
    let mut lines = said.lines().map(str::trim).skip_while(|line| !line.starts_with("error: "));
    let Some(error) = lines.next().and_then(|line| line.strip_prefix("error: ")) else {
        let last = said.trim().lines().next_back().unwrap_or_default();
        return format!("hurl exits with {code}, and says {}", excerpt(last));
    };
    let ours: Vec<&str> = lines.take_while(|line| !line.starts_with("error: ") && !line.is_empty()).collect();
    let place = ours.iter().find_map(|line| line.strip_prefix("--> ")).and_then(|place| {
        let mut parts = place.rsplitn(3, ':');
        parts.next()?;
        parts.next().map(|line| format!("line {line}: "))
    });
    let found = |line: &&str| line.trim_start_matches(['|', ' ']).to_owned();
    let details = ours.iter().map(found).find(|line| line.starts_with("actual") || line.starts_with('^'));
    let details = details.map(|line| format!(", {}", excerpt(line.trim_start_matches(['^', ' '])))).unwrap_or_default();
    format!("{}{}{details}", place.unwrap_or_default(), excerpt(error))
}

#[cfg(test)]
mod tests {
    use super::{complaint, is_name};

    #[test]
    fn the_first_complaint_is_told_in_a_line() {
        let said = "\u{2}checks/login.hurl: Running [1/1]\nerror: Assert status code\n  --> checks/login.hurl:2:6\n   |\n   \
            | GET http://127.0.0.1:1/\n 2 | HTTP 201\n   |      ^^^ actual value is <200>\n   |\n\n\
            error: Assert failure\n  --> checks/login.hurl:4:0\n   |\n   |   actual:   string <b>\n   |\n";
        assert_eq!(complaint(said, 4), "line 2: `Assert status code`, `actual value is <200>`");
        let rest = said.split_once("\n\n").unwrap().1;
        assert_eq!(complaint(rest, 4), "line 4: `Assert failure`, `actual:   string <b>`");
        assert_eq!(complaint("error: the file is odd", 2), "`the file is odd`");
        assert_eq!(complaint("", 1), "hurl exits with 1, and says ``");
    }

    #[test]
    fn no_variable_is_an_option() {
        assert!(is_name("user_id") && is_name("Host2"));
        for wrong in ["", "INSECURE", "a-b", "a=b", "größe", "_1"] {
            assert!(!is_name(wrong), "{wrong}");
        }
    }
}
