//! A container, or all containers of a service of Docker Compose, as `docker inspect` tells of them.

use std::ffi::OsString;

use kit::{Exit, Failure, clock};
use serde_json::Value;

use crate::end::End;
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::grammar::keys::Keys;
use crate::grammar::text::excerpt;
use crate::kind::program::{Answer, Asking, Row, Shape, words};

/// No more than this of a container is asked for: all of it would hold its secrets.
const FORMAT: &str = "--format=[{{json .Name}},{{json .Config.Image}},{{json .RestartCount}},{{json .State}},\
    {{json (index .Config.Labels \"com.docker.compose.project\")}}]";

/// Which containers are looked at.
#[derive(Clone, Debug)]
pub(crate) struct Containers {
    which: Which,
    env: Vec<(OsString, OsString)>,
}

#[derive(Clone, Debug)]
enum Which {
    /// The one of this name or number.
    Container(String),
    /// All of a service, and of which project.
    Service(String, Option<String>),
}

/// What is told of one.
#[derive(Debug)]
struct Container {
    name: String,
    image: String,
    restarts: u64,
    state: Value,
    project: String,
}

impl Row for Containers {
    const NAME: &'static str = "docker";
    const KEYS: &'static [&'static str] = &["container", "service", "project"];
    const FIELDS: &'static [(&'static str, Shape)] = &[
        ("running", Shape::Flag),
        ("healthy", Shape::Flag),
        ("image", Shape::Text),
        ("restarts", Shape::Number),
        ("uptime", Shape::Length),
        ("count", Shape::Number),
    ];
    const WORDS: &'static str = "running, healthy, image, restarts, uptime or count (a docker check)";
    const SOURCE: &'static str = "the package docker.io has it, or docker-ce-cli of Docker's own";

    fn read(keys: &mut Keys<'_>) -> Result<Self, Failure> {
        let mut name = |key: &str| match keys.text(key)? {
            Some(name) if !is_name(&name) => {
                Err(keys.wrong_at(key, format!("`{key}` must be a name, as in \"web-1\"")))
            }
            name => Ok(name),
        };
        let which = match (name("container")?, name("service")?, name("project")?) {
            (Some(container), None, None) => Which::Container(container),
            (None, Some(service), project) => Which::Service(service, project),
            (Some(_), None, Some(_)) => return Err(keys.wrong_at("project", "`project` belongs to `service`")),
            _ => return Err(keys.wrong("it has either `container` or `service`")),
        };
        let env = keys.settings().get("DOCKER_HOST").map(|host| ("DOCKER_HOST".into(), host.into()));
        Ok(Self { which, env: env.into_iter().collect() })
    }

    fn spell(&self) -> String {
        match &self.which {
            Which::Container(name) => name.clone(),
            Which::Service(service, None) => service.clone(),
            Which::Service(service, Some(project)) => format!("{project}/{service}"),
        }
    }

    fn admit(&self, wanted: &[&str]) -> Result<(), String> {
        match self.which {
            Which::Container(_) if wanted.contains(&"count") => {
                Err("a `container` is one: `count` belongs to `service`".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn ask(&self, asking: &Asking<'_>) -> Result<Answer, Finding> {
        let names = match &self.which {
            Which::Container(name) => vec![name.clone()],
            Which::Service(service, project) => self.list(service, project.as_deref(), asking)?,
        };
        if names.is_empty() {
            return Ok(answer(&[], &format!("there is no container of the service {}", self.spell())));
        }
        let inspect =
            words(["docker", "container", "inspect", FORMAT, "--"].into_iter().chain(names.iter().map(String::as_str)));
        let end = asking.run(&inspect, &self.env)?;
        if end.code != 0 && end.stderr.contains("No such container") {
            return Err(Finding::bad(format!("there is no container {}", self.spell())));
        }
        let containers = told(&end)?.lines().map(Container::of).collect::<Option<Vec<_>>>();
        let containers = containers.ok_or_else(|| Finding::bad("docker tells nothing that can be understood"))?;
        self.judge_projects(&containers)?;
        Ok(answer(&containers, ""))
    }
}

impl Containers {
    /// The numbers of all containers of a service that there are, but those of `docker compose run`.
    fn list(&self, service: &str, project: Option<&str>, asking: &Asking<'_>) -> Result<Vec<String>, Finding> {
        let filters = [
            Some(format!("--filter=label=com.docker.compose.service={service}")),
            Some("--filter=label=com.docker.compose.oneoff=False".to_owned()),
            project.map(|project| format!("--filter=label=com.docker.compose.project={project}")),
        ];
        let filters: Vec<String> = filters.into_iter().flatten().collect();
        let list = ["docker", "container", "ls", "--all", "--quiet", "--no-trunc"];
        let end = asking.run(&words(list.into_iter().chain(filters.iter().map(String::as_str))), &self.env)?;
        Ok(told(&end)?.lines().map(str::to_owned).collect())
    }

    /// Staging on the same machine says nothing about production.
    fn judge_projects(&self, containers: &[Container]) -> Result<(), Finding> {
        let mut projects: Vec<&str> = containers.iter().map(|container| container.project.as_str()).collect();
        projects.sort_unstable();
        projects.dedup();
        match (&self.which, projects.as_slice()) {
            (Which::Service(service, _), [_, _, ..]) => Err(Finding::bad(format!(
                "the service {service} is in {} projects, {}: say which with `project`",
                projects.len(),
                excerpt(&projects.join(", "))
            ))),
            _ => Ok(()),
        }
    }
}

/// What docker printed. When it fails, the containers surely do not serve, unless it is we who may not ask.
fn told(end: &End) -> Result<&str, Finding> {
    if end.code == 0 {
        return Ok(&end.stdout);
    }
    // That it may not read a file of its own keeps it from nothing.
    let words = end.stderr.trim().lines().find(|line| !line.starts_with("WARNING: ")).unwrap_or_default();
    let message = format!("docker says {}", excerpt(words));
    let is_ours = words.contains("permission denied");
    Err(if is_ours { Failure::new(Exit::IO, message).into() } else { Finding::bad(message) })
}

/// A name of a container, a service or a project: no option, no pattern.
fn is_name(text: &str) -> bool {
    let belongs = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    text.len() <= 255 && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(belongs)
}

impl Container {
    fn of(line: &str) -> Option<Self> {
        let values: [Value; 5] = serde_json::from_str(line).ok()?;
        let [name, image, restarts, state, project] = values;
        Some(Self {
            name: name.as_str()?.trim_start_matches('/').to_owned(),
            image: image.as_str()?.to_owned(),
            restarts: restarts.as_u64()?,
            state,
            project: project.as_str().unwrap_or_default().to_owned(),
        })
    }

    fn status(&self) -> &str {
        self.state.get("Status").and_then(Value::as_str).unwrap_or("unknown")
    }

    /// The error says what it does instead.
    fn runs(&self) -> Result<(), String> {
        let code = self.state.get("ExitCode").and_then(Value::as_i64).unwrap_or_default();
        match self.status() {
            "running" => Ok(()),
            "exited" => Err(format!("{} is exited, with {code}", self.name)),
            other => Err(format!("{} is {}", self.name, excerpt(other))),
        }
    }

    /// The error says what speaks against it.
    fn is_healthy(&self) -> Result<(), String> {
        self.runs()?;
        let name = &self.name;
        match self.state.pointer("/Health/Status").and_then(Value::as_str) {
            Some("healthy") => Ok(()),
            Some("none") | None => Err(format!("{name} has no health check")),
            Some("starting") => Err(format!("{name} is starting: its health check has not passed yet")),
            Some("unhealthy") => Err(format!("{name} is unhealthy")),
            Some(other) => Err(format!("the health of {name} is {}", excerpt(other))),
        }
    }

    /// What its health check printed last.
    fn last_words(&self) -> &str {
        let log = self.state.pointer("/Health/Log").and_then(Value::as_array);
        log.and_then(|log| log.last()?.get("Output")?.as_str()).unwrap_or_default()
    }

    /// How long it runs, in milliseconds.
    fn uptime(&self) -> Option<u64> {
        let began = self.runs().ok().and_then(|()| clock::of_text(self.state.get("StartedAt")?.as_str()?))?;
        Some(u64::try_from((clock::now() - began).num_milliseconds()).unwrap_or_default())
    }
}

/// What holds for all of them; the first that is otherwise says how.
fn answer(containers: &[Container], absence: &str) -> Answer {
    let first = |wrong: fn(&Container) -> Result<(), String>| match containers {
        [] => Value::from(absence),
        _ => containers.iter().find_map(|one| wrong(one).err()).map_or(Value::from(true), Value::from),
    };
    let (running, healthy) = (first(Container::runs), first(Container::is_healthy));
    let count = containers.iter().filter(|container| container.runs().is_ok()).count();
    let uptime = containers.iter().filter_map(Container::uptime).min();
    let since = uptime.map(|uptime| format!(", for {}", clock::spell(uptime))).unwrap_or_default();
    let restarts = containers.iter().map(|container| container.restarts).max();
    let images: Vec<&str> = containers.iter().map(|container| container.image.as_str()).collect();
    let summary = match containers {
        [] => absence.to_owned(),
        [one] => format!("{} is {}{since}", one.name, one.status()),
        _ => format!("{count} of {} containers run{since}", containers.len()),
    };
    let sick = containers.iter().find(|container| container.is_healthy().is_err());
    let evidence = Evidence::default().and("health check", sick.map(Container::last_words).unwrap_or_default());
    Answer { summary, evidence, ..Answer::default() }
        .and("restarts", restarts.map_or_else(|| Value::from(absence), Value::from))
        .and(
            "uptime",
            if running == true { uptime.map_or_else(|| running.clone(), Value::from) } else { running.clone() },
        )
        .and("count", u64::try_from(count).unwrap_or(u64::MAX))
        .and("image", if images.is_empty() { Value::from(absence) } else { Value::from(images) })
        .and("running", running)
        .and("healthy", healthy)
}
