//! What is known of an environment, each part with its answer or with why there is none.

use kit::journal::ErrorPart;
use kit::root::DeployId;
use kit::{Context, Failure, signal};
use serde_json::{Value, json};

use crate::args::Args;
use crate::backup::Backup;
use crate::health::{Health, Verdict};
use crate::live::Live;
use crate::past::{self, Past};
use crate::question::Asker;
use crate::queue::Queue;
use crate::way_back::WayBack;

/// The state of an environment.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) environment: String,
    pub(crate) live: Result<Option<Live>, Failure>,
    pub(crate) health: Health,
    pub(crate) backup: Result<Option<Backup>, Failure>,
    /// Whether there is a database that should have a backup.
    pub(crate) has_database: bool,
    pub(crate) way_back: Result<WayBack, Failure>,
    pub(crate) queue: Result<Queue, Failure>,
    pub(crate) deployments: Vec<Past>,
    /// The deployment that there was no way back from, if nothing better came since.
    pub(crate) critical: Option<DeployId>,
    /// How many lines of the journal could not be read.
    pub(crate) unreadable: usize,
}

impl Status {
    /// Looks and asks. Only what every part needs fails as a whole: the settings, the directory, the journal.
    pub(crate) fn gather(args: &Args, cx: &Context) -> Result<Self, Failure> {
        cx.root()?;
        let environment = cx.settings.require("DEPLOY_ENV")?;
        let asker = Asker { cx, timeout: args.timeout };
        // First: a deployment that ends after this question is known by its end, and not for one that never ended.
        let queue = Queue::ask(&asker);
        let history = cx.history()?;
        let live = Live::look(&history, cx);
        let health = match &live {
            Ok(Some(live)) if args.no_check => Health::recall(live, &history, &cx.settings),
            Ok(Some(_)) => Health::ask(&asker),
            Ok(None) => Verdict::None("nothing is live").into(),
            Err(failure) => Verdict::Unknown(failure.clone()).into(),
        };
        let status = Self {
            environment,
            live,
            health,
            backup: Backup::ask(&asker),
            has_database: ["DATABASE_URL", "DATABASE_URL_FILE"].iter().any(|name| cx.settings.get(name).is_some()),
            way_back: WayBack::ask(&asker),
            queue,
            deployments: Past::of(&history),
            critical: past::critical(&history),
            unreadable: history.unreadable,
        };
        // An interrupted question has no answer, and that is no answer of ours.
        signal::check()?;
        Ok(status)
    }

    /// Puts all of it into the record's details.
    pub(crate) fn detail(&self, cx: &mut Context) {
        cx.detail("live", found(&self.live, |live| live.as_ref().map_or(Value::Null, Live::to_json)));
        cx.detail("health", self.health.to_json());
        cx.detail("backup", found(&self.backup, |backup| json!(backup)));
        cx.detail("deployments", self.deployments.iter().map(Past::to_json).collect::<Vec<_>>());
        cx.detail("queue", found(&self.queue, |queue| json!(queue)));
        cx.detail("way_back", found(&self.way_back, |way_back| json!(way_back)));
        cx.detail("unreadable_lines", self.unreadable);
    }
}

/// What was found out; or an object that says why it could not be.
pub(crate) fn found<T>(part: &Result<T, Failure>, to_json: impl FnOnce(&T) -> Value) -> Value {
    match part {
        Ok(part) => to_json(part),
        Err(failure) => json!({"error": ErrorPart::from(failure)}),
    }
}
