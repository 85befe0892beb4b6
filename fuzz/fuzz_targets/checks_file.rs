//! Whatever a text holds, as a checks file it is read or refused with 78, and what is read can be listed; and each of its lines is
//! an expectation of some kind or refused as one, and can be judged.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the modules are those of the tool, which uses all of them")]

include!(concat!(env!("OUT_DIR"), "/modules.rs"));

use std::sync::{Arc, LazyLock, Mutex, RwLock};
use std::time::{Duration, Instant};

use kit::Exit;
use kit::settings::Settings;
use libfuzzer_sys::fuzz_target;

use crate::check::{Check, Defaults};
use crate::grammar::cursor::Cursor;
use crate::grammar::expectation::{Assertion, Expectation};
use crate::http::Answer;
use crate::kind::program::FieldAssertion;
use crate::kind::program::docker::Containers;
use crate::kind::program::hurl::HurlFile;
use crate::kind::program::nginx::Nginx;
use crate::kind::program::systemd::Unit;
use crate::plan::Plan;
use crate::trial::Conditions;

/// Something to judge.
static ANSWER: LazyLock<Answer> = LazyLock::new(|| Answer {
    status: 200,
    headers: vec![("content-type".to_owned(), "application/json".to_owned())],
    body: r#"{"status":"ok","a":[{"b":1.5,"c":null},{"b":-3,"größe":"x"}],"0":true}"#.to_owned(),
    cut: false,
    took: Duration::from_millis(5),
});

fuzz_target!(|text: &str| {
    let settings = Settings::default();
    let wait = Duration::from_secs(1);
    let defaults = Defaults { settings: &settings, attempts: 5, interval: wait, timeout: wait };
    let read = if lines::are_lines(text) { lines::parse(text, &defaults) } else { check::parse(text, &defaults) };
    match read {
        Ok(checks) => list(checks),
        Err(failure) => assert_eq!(failure.exit, Exit::SETTINGS, "{}", failure.message),
    }
    for line in text.lines().take(4) {
        expect(line);
    }
});

fn list(checks: Vec<Check>) {
    let count = checks.len();
    let conditions = Conditions {
        began: Instant::now(),
        deadline: Duration::from_secs(1),
        concurrency: 1,
        startup_wait: Duration::ZERO,
        dir: "/".into(),
        commit: None,
        expected: "3f2a1c9".parse().ok(),
        marks: None,
        once: false,
        commands: RwLock::default(),
        judging: Mutex::default(),
    };
    let plan = Plan { source: String::new(), release: None, checks: Arc::new(checks), conditions: Arc::new(conditions) };
    let text = plan.spell();
    assert_eq!(text.lines().count(), count, "{text}");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
}

fn expect(line: &str) {
    if let Some(expected) = parse::<crate::http::answer::AnswerAssertion>(line) {
        drop(expected.judge(&ANSWER));
    }
    parse::<database::greeting::GreetingAssertion>(line);
    parse::<database::rows::RowsAssertion>(line);
    parse::<kind::command::EndAssertion>(line);
    parse::<kind::crawl::CrawlAssertion>(line);
    parse::<kind::disk::RoomAssertion>(line);
    parse::<kind::env::VariableAssertion>(line);
    parse::<kind::file::FileAssertion>(line);
    parse::<kind::git::GitAssertion>(line);
    parse::<kind::http::PageAssertion>(line);
    parse::<kind::load::LoadAssertion>(line);
    parse::<kind::log::LineAssertion>(line);
    parse::<kind::memory::MemoryAssertion>(line);
    parse::<kind::process::ProcessAssertion>(line);
    parse::<FieldAssertion<Containers>>(line);
    parse::<FieldAssertion<HurlFile>>(line);
    parse::<FieldAssertion<Nginx>>(line);
    parse::<FieldAssertion<Unit>>(line);
    parse::<kind::redis::ReplyAssertion>(line);
    parse::<kind::sqlite::DataAssertion>(line);
    parse::<kind::tcp::PortAssertion>(line);
    parse::<kind::telegram::BotAssertion>(line);
    parse::<kind::tls::TlsAssertion>(line);
}

/// The expectation, or a complaint about a column that there is.
fn parse<A: Assertion>(line: &str) -> Option<Expectation<A>> {
    match Expectation::parse(Cursor::new(line)) {
        Ok(expectation) => Some(expectation),
        Err(wrong) => {
            let said = wrong.to_string();
            let column = said.strip_prefix("column ").and_then(|rest| rest.split_once(':')?.0.parse().ok());
            assert!(column.is_some_and(|column| (1..=line.chars().count() + 1).contains(&column)), "{said}");
            None
        }
    }
}
