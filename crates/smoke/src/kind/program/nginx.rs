//! nginx: its configuration, as `nginx -t` judges it, and its connections, as the page of its module stub_status tells.

use std::ffi::OsString;

use kit::{Exit, Failure};
use serde_json::Value;

use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::grammar::keys::Keys;
use crate::grammar::template::{Captured, Template};
use crate::grammar::text::excerpt;
use crate::http::ask::absolute;
use crate::http::{Ask, Client, Manner, Request};
use crate::kind::program::{Answer, Asking, Row, Shape, words};

/// The field that `nginx -t` gives; the page gives the others.
const VALID: &str = "valid";

/// A configuration, and a page.
#[derive(Clone, Debug)]
pub(crate) struct Nginx {
    /// Its file; nothing for the one that nginx was built with.
    config: Option<String>,
    /// Of stub_status.
    page: Option<Request>,
    env: Vec<(OsString, OsString)>,
}

impl Row for Nginx {
    const NAME: &'static str = "nginx";
    const KEYS: &'static [&'static str] = &["config", "status_url"];
    const FIELDS: &'static [(&'static str, Shape)] = &[
        (VALID, Shape::Flag),
        ("connections", Shape::Number),
        ("reading", Shape::Number),
        ("writing", Shape::Number),
        ("waiting", Shape::Number),
        ("dropped", Shape::Number),
    ];
    const WORDS: &'static str = "valid, connections, reading, writing, waiting or dropped (an nginx check)";
    const SOURCE: &'static str = "the package nginx has it";

    fn read(keys: &mut Keys<'_>) -> Result<Self, Failure> {
        let config = keys.text("config")?;
        if config.as_deref().is_some_and(str::is_empty) {
            return Err(keys.wrong_at("config", "`config` is empty"));
        }
        let page = keys.text("status_url")?.map(|url| page(&url, keys)).transpose()?;
        // It lies where the PATH of a user who is not root does not lead.
        let path = keys.settings().get("PATH").unwrap_or_default();
        Ok(Self { config, page, env: vec![("PATH".into(), format!("{path}:/usr/local/sbin:/usr/sbin:/sbin").into())] })
    }

    fn spell(&self) -> String {
        let page = self.page.as_ref().map(Request::address);
        self.config.clone().or(page).unwrap_or_else(|| "nginx".to_owned())
    }

    fn admit(&self, wanted: &[&str]) -> Result<(), String> {
        let (of_config, of_page) = (wanted.contains(&VALID), wanted.iter().any(|field| *field != VALID));
        match (&self.config, &self.page) {
            (_, None) if of_page => Err("all but `valid` needs a `status_url`".to_owned()),
            (_, Some(_)) if !of_page => Err("no expectation looks at `status_url`".to_owned()),
            (Some(_), _) if !of_config => Err("no expectation looks at `config`".to_owned()),
            _ => Ok(()),
        }
    }

    fn ask(&self, asking: &Asking<'_>) -> Result<Answer, Finding> {
        let answer = if asking.wanted.contains(&VALID) { self.judge(asking)? } else { Answer::default() };
        match &self.page {
            Some(page) => connections(answer, page, asking),
            None => Ok(answer),
        }
    }
}

impl Nginx {
    /// What `nginx -t` says.
    fn judge(&self, asking: &Asking<'_>) -> Result<Answer, Finding> {
        let mut argv = words(["nginx", "-t"]);
        if let Some(config) = &self.config {
            argv.extend(["-c".into(), asking.conditions.dir.join(config).into_os_string()]);
        }
        let end = asking.run(&argv, &self.env)?;
        if end.code == 0 {
            return Ok(
                Answer { summary: "the configuration is valid".to_owned(), ..Answer::default() }.and(VALID, true)
            );
        }
        let lines = || end.stderr.trim().lines();
        let decides = lines().find(|line| line.contains("[emerg]")).or_else(|| lines().next_back());
        let message = format!("nginx says {}", excerpt(decides.unwrap_or_default()));
        // Who is not root may read neither keys nor logs: that says nothing about the configuration.
        if message.contains("(13: Permission denied)") {
            return Err(Failure::new(Exit::IO, message).into());
        }
        let evidence = Evidence::default().and("stderr", &end.stderr);
        Ok(Answer { evidence, ..Answer::default() }.and(VALID, Value::from(message)))
    }
}

fn page(url: &str, keys: &Keys<'_>) -> Result<Request, Failure> {
    let url = absolute(Template::fixed(url), keys.settings());
    let url = url.map_err(|failure| keys.because("status_url", "it is a path of API_URL", failure))?;
    Ask::get(url).request(&Captured::new()).map_err(|wrong| keys.wrong_at("status_url", wrong))
}

/// The same answer with what the page tells (ngx_http_stub_status_module of nginx's documentation).
fn connections(answer: Answer, page: &Request, asking: &Asking<'_>) -> Result<Answer, Finding> {
    let client = Client::new(&Manner::default(), &asking.conditions.dir)?;
    let told = client.ask(page, asking.left())?;
    let address = page.address();
    if told.status != 200 {
        return Err(Finding::bad(format!("{address} answers with status {}", told.status)));
    }
    let no_page = || Finding::bad(format!("{address} is no page of stub_status: {}", excerpt(&told.body)));
    let fields = read_page(&told.body).ok_or_else(no_page)?;
    let spelled: Vec<String> = fields.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    let before = Some(answer.summary.clone()).filter(|summary| !summary.is_empty());
    let summary = before.into_iter().chain(spelled).collect::<Vec<_>>().join(", ");
    Ok(fields.into_iter().fold(Answer { summary, ..answer }, |answer, (name, count)| answer.and(name, count)))
}

fn read_page(text: &str) -> Option<[(&'static str, u64); 5]> {
    let after = |name: &str| text.split_once(name)?.1.split_whitespace().next()?.parse::<u64>().ok();
    let mut counters = text.split_once("requests")?.1.split_whitespace().map(str::parse::<u64>);
    let (accepted, handled) = (counters.next()?.ok()?, counters.next()?.ok()?);
    Some([
        ("connections", after("Active connections:")?),
        ("reading", after("Reading:")?),
        ("writing", after("Writing:")?),
        ("waiting", after("Waiting:")?),
        ("dropped", accepted.saturating_sub(handled)),
    ])
}

#[cfg(test)]
mod tests {
    use super::read_page;

    #[test]
    fn the_page_of_stub_status_is_read() {
        let page = "Active connections: 291 \nserver accepts handled requests\n 16630948 16630940 31070465 \n\
            Reading: 6 Writing: 179 Waiting: 106 \n";
        let counts = read_page(page).unwrap().map(|(_, count)| count);
        assert_eq!(counts, [291, 6, 179, 106, 8]);
        assert_eq!(read_page(&page.replace("Reading: 6", "Reading: x")), None);
        assert_eq!(read_page("<html>404</html>"), None);
    }
}
