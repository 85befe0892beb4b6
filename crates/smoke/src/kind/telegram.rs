//! A bot of Telegram: whether its token is good, and how its updates are delivered (<https://core.telegram.org/bots/api>).

use std::time::{Duration, Instant};

use kit::{Failure, clock};
use serde_json::Value;

use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::grammar::cursor::{Cursor, Wrong};
use crate::grammar::expectation::{Assertion, Expectations};
use crate::grammar::keys::Keys;
use crate::grammar::relation::Relation;
use crate::grammar::template::{Captured, Piece, Template};
use crate::grammar::text::{Text, excerpt};
use crate::grammar::variable::is_name;
use crate::http::ask::address;
use crate::http::reference::host;
use crate::http::{Answer, Ask, Client, Manner, Request};
use crate::kind::Subject;
use crate::trial::Conditions;

/// The setting that holds the token, unless the check says.
const TOKEN: &str = "TELEGRAM_API_TOKEN";

/// The server, unless the check or this setting says.
const API: &str = "https://api.telegram.org";
const API_SETTING: &str = "TELEGRAM_API_URL";

/// A check of a bot.
#[derive(Debug)]
pub(crate) struct Bot {
    api: String,
    me: Call,
    webhook: Call,
    expectations: Expectations<BotAssertion>,
}

/// A method of the Bot API, ready to be called.
#[derive(Debug)]
struct Call {
    method: &'static str,
    ask: Ask,
    request: Request,
}

/// What the Bot API said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    username: Option<String>,
    webhook: Option<String>,
    pending: u64,
    last_error: Option<String>,
    last_error_age: Option<Duration>,
}

/// Takes the keys of a telegram check.
pub(crate) fn read(keys: &mut Keys<'_>) -> Result<Box<dyn Subject>, Failure> {
    let api = read_api(keys)?;
    let written = keys.template_or("token", &format!("${{{TOKEN}}}"))?;
    let token = written.fill(&Captured::new(), str::to_owned);
    let Some(key) = key_of(&token) else {
        return Err(keys.wrong_at("token", "`token` must be what @BotFather gave: digits, a colon and a key"));
    };
    // One that stands in the file itself is as secret as a setting.
    keys.hide(&token);
    keys.hide(key);
    let name = written.written().strip_prefix("${").and_then(|name| name.strip_suffix('}'));
    let name = name.filter(|name| is_name(name)).unwrap_or(TOKEN);
    let call = |method| Call::new(&api, name, &token, method).map_err(|wrong| keys.wrong(wrong));
    let (me, webhook) = (call("getMe")?, call("getWebhookInfo")?);
    Ok(Box::new(Bot { api, me, webhook, expectations: keys.expectations()? }))
}

/// The address of the server, without a slash at its end.
fn read_api(keys: &mut Keys<'_>) -> Result<String, Failure> {
    let (who, api) = match (keys.text("api")?, keys.settings().get(API_SETTING)) {
        (Some(api), _) => ("`api`", api),
        (None, Some(api)) => (API_SETTING, api),
        (None, None) => ("`api`", API.to_owned()),
    };
    address(&api).map_err(|wrong| keys.wrong_at("api", format!("{who}: {wrong}")))?;
    if api.contains(['?', '#']) {
        return Err(keys.wrong_at("api", format!("{who} must be an address without a query")));
    }
    Ok(api.trim_end_matches('/').to_owned())
}

/// The secret part of a token such as `123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11`.
fn key_of(token: &str) -> Option<&str> {
    let (id, key) = token.split_once(':')?;
    let is_key = key.len() >= 16 && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    Some(key).filter(|_| is_key && !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()))
}

impl Call {
    /// The token is in the address, where only its name is ever shown.
    fn new(api: &str, name: &str, token: &str, method: &'static str) -> Result<Self, String> {
        let before = Piece::Text(format!("{api}/bot"));
        let pieces = vec![before, Piece::Captured(name.to_owned()), Piece::Text(format!("/{method}"))];
        let ask = Ask::get(Template::new(&format!("{api}/bot${{{name}}}/{method}"), pieces));
        let request = ask.request(&Captured::from([(name.to_owned(), token.to_owned())]))?;
        Ok(Self { method, ask, request })
    }

    /// What it gives; else what came instead.
    fn make(&self, client: &Client, began: Instant, timeout: Duration) -> Result<Value, Finding> {
        let seen = Evidence::default().and("curl", self.ask.curl(&self.request));
        let left = timeout.saturating_sub(began.elapsed());
        let answer = client.ask_within(&self.request, left, timeout);
        let result = answer
            .and_then(|answer| result(&answer).map_err(|instead| Finding::bad(format!("{}: {instead}", self.method))));
        result.map_err(|finding| finding.with(seen))
    }
}

impl Bot {
    fn ask(&self, client: &Client, timeout: Duration) -> Result<Said, Finding> {
        let began = Instant::now();
        let me = self.me.make(client, began, timeout)?;
        let text = |result: &Value, key: &str| {
            result.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let mut said = Said { username: text(&me, "username"), ..Said::default() };
        if self.expectations.assertions().any(BotAssertion::is_of_webhook) {
            let webhook = self.webhook.make(client, began, timeout)?;
            let Some(pending) = webhook.get("pending_update_count").and_then(Value::as_u64) else {
                return Err(Finding::bad("getWebhookInfo: there is no pending_update_count in the answer"));
            };
            said.pending = pending;
            said.webhook = text(&webhook, "url");
            said.last_error = text(&webhook, "last_error_message");
            said.last_error_age = webhook.get("last_error_date").and_then(Value::as_i64).map(age);
        }
        Ok(said)
    }
}

/// The `result` in an answer (Making requests); the error says why there is none.
fn result(answer: &Answer) -> Result<Value, String> {
    let status = answer.status;
    if answer.cut {
        return Err(format!("status {status}, and the answer is longer than is read"));
    }
    let Ok(Value::Object(mut said)) = serde_json::from_str(&answer.body) else {
        return Err(format!("status {status}, and this is no answer of the Bot API: {}", excerpt(&answer.body)));
    };
    let description = said.get("description").and_then(Value::as_str).map(excerpt);
    let description = description.unwrap_or_else(|| "and Telegram does not say why not".to_owned());
    let wait = said.get("parameters").and_then(|parameters| parameters.get("retry_after")?.as_u64());
    match (said.get("ok").and_then(Value::as_bool), wait) {
        (Some(true), _) => match said.remove("result") {
            Some(result @ Value::Object(_)) => Ok(result),
            _ => Err(format!("status {status}, and there is no result in the answer")),
        },
        (Some(false), Some(seconds)) => Err(format!("status {status}, {description}: wait {seconds} s")),
        (Some(false), None) => Err(format!("status {status}, {description}")),
        (None, _) => Err(format!("status {status}, and this is no answer of the Bot API: {}", excerpt(&answer.body))),
    }
}

/// How long ago a Unix time was; one in the future is now.
fn age(time: i64) -> Duration {
    let seconds = clock::now().timestamp().saturating_sub(time);
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

impl Subject for Bot {
    fn spell(&self) -> String {
        format!("bot at {}", self.api)
    }

    fn look(&self, timeout: Duration, conditions: &Conditions) -> Finding {
        let began = Instant::now();
        let client = match Client::new(&Manner::default(), &conditions.dir) {
            Ok(client) => client,
            Err(failure) => return Finding::blind(failure),
        };
        let said = match self.ask(&client, timeout) {
            Ok(said) => said,
            Err(finding) => return finding,
        };
        let evidence = Evidence::default().and("last error", said.last_error.clone().unwrap_or_default());
        let spell = |said: &Said| {
            let name = said.username.as_deref().map_or_else(|| "a bot without a name".to_owned(), excerpt);
            format!("{name} answers, {} ms", began.elapsed().as_millis())
        };
        self.expectations.find(&said, spell).with(evidence)
    }
}

/// What can be asserted of a bot.
#[derive(Clone, Debug)]
pub(crate) enum BotAssertion {
    /// `answers`
    Answers,
    /// `username == 'guestbook_bot'`
    Username(Text),
    /// `webhook contains 'https://example.org/'`
    Webhook(Text),
    /// `pending < 100`
    Pending(Relation, u64),
    /// `last_error missing`
    LastError(Text),
    /// `last_error_age > 1h`
    LastErrorAge(Relation, Duration),
}

impl BotAssertion {
    const fn is_of_webhook(&self) -> bool {
        !matches!(self, Self::Answers | Self::Username(_))
    }
}

impl Assertion for BotAssertion {
    type Seen = Said;

    const WORDS: &'static str = "answers, username, webhook, pending, last_error or last_error_age (a telegram check)";

    fn read(word: &str, cursor: &mut Cursor<'_>) -> Option<Result<Self, Wrong>> {
        match word {
            "answers" => Some(Ok(Self::Answers)),
            "username" => Some(Text::read_present(cursor).map(Self::Username)),
            "webhook" => Some(Text::read(cursor).map(Self::Webhook)),
            "pending" => Some(read_pending(cursor)),
            "last_error" => Some(Text::read(cursor).map(Self::LastError)),
            "last_error_age" => Some(
                Relation::read_length(cursor, Relation::ABOVE)
                    .map(|(relation, limit)| Self::LastErrorAge(relation, limit)),
            ),
            _ => None,
        }
    }

    fn judge(&self, said: &Said) -> Result<(), String> {
        match self {
            Self::Answers => Ok(()),
            Self::Username(text) => text.judge_any("the username", &mut said.username.iter()),
            Self::Webhook(text) => {
                let judged = text.judge_any("the webhook", &mut said.webhook.iter());
                // Its path is often a secret.
                judged.map_err(|instead| {
                    said.webhook.as_deref().map_or(instead, |url| format!("the webhook is {}", place(url)))
                })
            }
            Self::Pending(relation, limit) if relation.holds(&said.pending, limit) => Ok(()),
            Self::Pending(..) => Err(format!("{} updates wait to be delivered", said.pending)),
            Self::LastError(text) => text.judge_any("the last error", &mut said.last_error.iter()),
            Self::LastErrorAge(relation, limit) => match said.last_error_age {
                Some(age) if !relation.holds(&age, limit) => {
                    let error = excerpt(said.last_error.as_deref().unwrap_or_default());
                    Err(format!("the last error was {} ago, {error}", clock::spell(clock::milliseconds(age))))
                }
                _ => Ok(()),
            },
        }
    }
}

fn read_pending(cursor: &mut Cursor<'_>) -> Result<BotAssertion, Wrong> {
    let relation = Relation::read(cursor, Relation::ANY)?;
    Ok(BotAssertion::Pending(relation, cursor.number("a number of updates")?))
}

/// Where an address is, without what follows its host.
fn place(url: &str) -> String {
    match address(url) {
        Ok(uri) => format!("on {}", excerpt(&host(&uri))),
        Err(_) => "no web address".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{BotAssertion, Said, key_of};
    use crate::grammar::cursor::Cursor;
    use crate::grammar::expectation::Expectation;
    use std::time::Duration;

    #[test]
    fn a_token_is_digits_a_colon_and_a_key() {
        assert_eq!(key_of("123456:ABC-DEF1234ghIkl_zyx"), Some("ABC-DEF1234ghIkl_zyx"));
        for wrong in [
            "",
            "123456",
            ":ABC-DEF1234ghIkl_zyx",
            "123456:short",
            "bot123456:ABC-DEF1234ghIkl_zyx",
            "1:ABC-DEF1234ghIkl/zyx",
            "1:ABC-DEF1234ghIkl_zyx ",
        ] {
            assert_eq!(key_of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn an_old_error_is_none_that_counts() {
        let judge = |age: Option<u64>| {
            let said = Said {
                last_error: age.map(|_| "Connection timed out".to_owned()),
                last_error_age: age.map(Duration::from_secs),
                ..Said::default()
            };
            Expectation::<BotAssertion>::parse(Cursor::new("last_error_age > 1h")).unwrap().judge(&said)
        };
        assert_eq!(judge(None), Ok(()));
        assert_eq!(judge(Some(3601)), Ok(()));
        let said = "the last error was 60 min 00 s ago, `Connection timed out`, expected last_error_age > 1h";
        assert_eq!(judge(Some(3600)), Err(said.to_owned()));
    }
}
