//! A unit of systemd, as `systemctl show` tells of it.

use std::ffi::OsString;
use std::time::Duration;

use kit::{Exit, Failure, clock};
use serde_json::Value;

use crate::finding::Finding;
use crate::grammar::keys::Keys;
use crate::grammar::text::excerpt;
use crate::kind::program::{Answer, Asking, Row, Shape, words};

const PROPERTIES: &str = "--property=LoadState,ActiveState,SubState,Result,NRestarts,ActiveEnterTimestampMonotonic";

/// A unit of the system, or of the user who asks.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    name: String,
    of_user: bool,
    env: Vec<(OsString, OsString)>,
}

impl Row for Unit {
    const NAME: &'static str = "systemd";
    const KEYS: &'static [&'static str] = &["unit", "user"];
    const FIELDS: &'static [(&'static str, Shape)] =
        &[("active", Shape::Flag), ("restarts", Shape::Number), ("uptime", Shape::Length), ("state", Shape::Text)];
    const WORDS: &'static str = "active, restarts, uptime or state (a systemd check)";
    const SOURCE: &'static str = "the package systemd has it";

    fn read(keys: &mut Keys<'_>) -> Result<Self, Failure> {
        let name = keys.required("unit", "the name of a unit, as in \"web.service\"")?;
        // systemd.unit(5): what a name consists of. No pattern, and no option.
        let belongs = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        if name.is_empty() || name.len() > 255 || name.starts_with('-') || !name.chars().all(belongs) {
            return Err(keys.wrong_at("unit", "`unit` must be the name of a unit, as in \"web.service\""));
        }
        let of_user = keys.flag("user")?;
        // Where the user's own manager listens: sessions have the variable, hooks have not (pam_systemd(8)).
        let of_session = keys.settings().get("XDG_RUNTIME_DIR");
        let listens = of_session.unwrap_or_else(|| format!("/run/user/{}", rustix::process::geteuid().as_raw()));
        let env = if of_user { vec![("XDG_RUNTIME_DIR".into(), listens.into())] } else { Vec::new() };
        Ok(Self { name, of_user, env })
    }

    fn spell(&self) -> String {
        self.name.clone()
    }

    fn ask(&self, asking: &Asking<'_>) -> Result<Answer, Finding> {
        let whose = if self.of_user { "--user" } else { "--system" };
        let end = asking.run(&words(["systemctl", whose, "show", PROPERTIES, "--", &self.name]), &self.env)?;
        if end.code != 0 {
            // It knows nothing of the unit: nobody answers it.
            let said = end.stderr.trim().lines().next_back().unwrap_or_default();
            let message = format!("systemctl exits with {}, and says {}", end.code, excerpt(said));
            return Err(Failure::new(Exit::IO, message).into());
        }
        self.answer(&end.stdout, clock::monotonic())
    }
}

impl Unit {
    /// What `NAME=VALUE` lines tell at a time of the monotonic clock.
    fn answer(&self, told: &str, now: Duration) -> Result<Answer, Finding> {
        let property = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        let text = |name: &str| property(name).unwrap_or("unknown");
        let unit = &self.name;
        match property("LoadState") {
            Some("loaded") => {}
            Some("not-found") => return Err(Finding::bad(format!("there is no unit {unit}"))),
            Some("masked") => return Err(Finding::bad(format!("the unit {unit} is masked"))),
            Some(other) => return Err(Finding::bad(format!("the unit {unit} is not loaded: {}", excerpt(other)))),
            None => return Err(Finding::bad(format!("systemctl tells nothing of the unit {unit}"))),
        }
        let (active, state, result) = (text("ActiveState"), text("SubState"), text("Result"));
        // is-active of systemctl(1): one that reads its configuration anew serves meanwhile.
        let is_active = matches!(active, "active" | "reloading" | "refreshing");
        let said = match result {
            "success" | "unknown" => format!("{unit} is {active} ({state})"),
            _ => format!("{unit} is {active} ({state}, {result})"),
        };
        let inactive = || Value::from(said.clone());
        let restarts = property("NRestarts").and_then(|count| count.parse::<u64>().ok());
        let entered = property("ActiveEnterTimestampMonotonic").and_then(|entered| entered.parse().ok());
        let uptime = entered.map(|entered| clock::milliseconds(now.saturating_sub(Duration::from_micros(entered))));
        let uptime = uptime.filter(|_| is_active);
        let since = uptime.map(|uptime| format!(", for {}", clock::spell(uptime))).unwrap_or_default();
        let counted = restarts.map(|count| format!(", restarts: {count}")).unwrap_or_default();
        let countless = || Value::from(format!("nobody counts the restarts of {unit}, which is no service"));
        Ok(Answer { summary: format!("{said}{since}{counted}"), ..Answer::default() }
            .and("active", if is_active { Value::from(true) } else { inactive() })
            .and("restarts", restarts.map_or_else(countless, Value::from))
            .and("uptime", uptime.map_or_else(inactive, Value::from))
            .and("state", vec![state]))
    }
}
