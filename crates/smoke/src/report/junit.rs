//! JUnit XML, as build servers read it: a failure is the app's, an error is ours.

use kit::clock;

use crate::check::Check;
use crate::report::{Ran, shown};
use crate::trial::Trial;
use crate::verdict::Verdict;

pub(super) fn write(ran: &Ran<'_>) -> String {
    let failures = ran.pairs.iter().filter(|(_, trial)| trial.verdict.is_no(ran.strict)).count();
    let (errors, skipped) = (ran.count(Verdict::Error), ran.count(Verdict::Skipped));
    let suite = format!(
        "name=\"smoke-test\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{:.3}\"",
        ran.pairs.len(),
        ran.took.as_secs_f64(),
    );
    let cases: String = ran.pairs.iter().map(|(check, trial)| case(check, trial, ran.strict)).collect();
    let at = clock::rfc3339(clock::now());
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {suite}>\n  <testsuite {suite} timestamp=\"{at}\">\n{cases}  \
         </testsuite>\n</testsuites>\n"
    )
}

fn case(check: &Check, trial: &Trial, strict: bool) -> String {
    let case = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        escape(check.kind),
        escape(&check.name),
        trial.took.as_secs_f64()
    );
    let told = |element: &str| {
        let (message, word) = (escape(&trial.message), trial.verdict.word());
        format!(
            "{case}>\n      <{element} type=\"{word}\" message=\"{message}\">{}</{element}>\n    </testcase>\n",
            escape(&shown(trial))
        )
    };
    match trial.verdict {
        verdict if verdict.is_no(strict) => told("failure"),
        Verdict::Error => told("error"),
        Verdict::Skipped => {
            format!("{case}>\n      <skipped message=\"{}\"/>\n    </testcase>\n", escape(&trial.message))
        }
        verdict => {
            let said = format!("{}: {}", verdict.word(), trial.message);
            format!("{case}>\n      <system-out>{}</system-out>\n    </testcase>\n", escape(&said))
        }
    }
}

/// Text as XML has it (XML 1.0, 2.4), in elements and attributes. There are no control characters left in it but new lines.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // Characters that XML does not have, 2.2.
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
