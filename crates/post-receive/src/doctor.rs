//! Looking a repository over: everything that would keep a push from being deployed, each with what mends it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use kit::failure::Attempt;
use kit::git::Repository;
use kit::process::{Program, own_dir};
use kit::{Context, Exit, Failure, Outcome, voice};
use serde_json::json;

use crate::config::Config;
use crate::install::{PINS, is_bare};
use crate::map;

/// Whom a deployment needs beside this tool.
const FAMILY: [&str; 9] = [
    "deploy",
    "deploy-queue",
    "release",
    "smoke-test",
    "run-step",
    "backup-db",
    "restore-db",
    "rollback",
    "deployment-report",
];

/// The first git whose `rev-parse` knows `--end-of-options`: no name is taken for an option.
const OLDEST_GIT: (u32, u32) = (2, 30);

/// What is wrong, and what mends it.
struct Finding {
    what: String,
    fix: String,
}

impl Finding {
    fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

pub(crate) fn doctor(path: &Path, cx: &mut Context) -> Result<Outcome, Failure> {
    let path =
        fs::canonicalize(path).attempt_or(Exit::ABSENT, format_args!("open the repository {}", path.display()))?;
    let mut findings = owners(&path)?;
    // Git refuses a repository of somebody else's, and what another user may read says nothing about its owner.
    if findings.is_empty() {
        findings = look_over(&Repository::at(&path), cx)?;
    }
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| voice::clean_line(&format!("{}; to mend it: {}", finding.what, finding.fix)))
        .collect();
    let told = findings.iter().map(|finding| json!({"what": finding.what, "fix": finding.fix}));
    cx.detail("findings", told.collect::<Vec<_>>());
    if findings.is_empty() {
        cx.say("all is well");
        return Ok(Outcome::done(""));
    }
    Ok(Outcome::no(lines.join("\n")))
}

fn look_over(repository: &Repository, cx: &Context) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    findings.extend(old_git(repository)?);
    match is_bare(repository)? {
        Some(true) => {}
        Some(false) => {
            let fix = format!("git clone --bare {} NEW.git, and push there", voice::word(repository.path().display()));
            return Ok(vec![Finding::new(format!("{} is not bare", repository.path().display()), fix)]);
        }
        None => return Err(Failure::new(Exit::ABSENT, format!("{} is no repository", repository.path().display()))),
    }
    let maps = Config::of(repository)?.maps();
    let install = install_again(&maps, repository);
    findings.extend(hooks_path(repository)?);
    findings.extend(hook(repository, &install)?);
    findings.extend(config(repository)?);
    findings.extend(mapped(&maps, repository, cx)?);
    findings.extend(family());
    Ok(findings)
}

/// Whose repository it is, as far as git cares and its writer needs.
fn owners(path: &Path) -> Result<Vec<Finding>, Failure> {
    let me = rustix::process::geteuid().as_raw();
    let owner = fs::metadata(path).attempt(format_args!("look at {}", path.display()))?.uid();
    if owner != me {
        let what = format!("{} belongs to user {owner}, and this is user {me}: git refuses it", path.display());
        let fix =
            format!("sudo -u '#{owner}' post-receive doctor {0}; or chown -R '#{me}' {0}", voice::word(path.display()));
        return Ok(vec![Finding::new(what, fix)]);
    }
    // A push as root leaves directories that the owner cannot write.
    let parts = ["HEAD", "config", "hooks", "objects", "refs"].map(|part| path.join(part));
    let foreign = parts.iter().filter(|part| part.metadata().is_ok_and(|metadata| metadata.uid() != me));
    let finding = |part: &PathBuf| {
        let what = format!("{} does not belong to user {me}, who owns the repository", part.display());
        Finding::new(what, format!("as root: chown -R '#{me}' {}", voice::word(path.display())))
    };
    Ok(foreign.map(finding).collect())
}

fn old_git(repository: &Repository) -> Result<Option<Finding>, Failure> {
    let version = repository.ask(["version"])?;
    let mut numbers = version.split([' ', '.']).filter_map(|word| word.parse::<u32>().ok());
    let found = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let (major, minor) = OLDEST_GIT;
    let finding = || Finding::new(format!("this is {version}"), format!("install git {major}.{minor} or newer"));
    Ok((found < OLDEST_GIT).then(finding))
}

/// The command that sets the repository up as it is mapped.
fn install_again(maps: &[(String, String)], repository: &Repository) -> String {
    let mut command = format!("post-receive install {}", voice::word(repository.path().display()));
    for (reference, environment) in maps {
        command += &format!(" --map {}", voice::word(format!("{reference}={environment}")));
    }
    if maps.is_empty() { command + " --map main=ENV_FILE" } else { command }
}

fn hooks_path(repository: &Repository) -> Result<Option<Finding>, Failure> {
    let set = repository.run(&["config", "--show-scope", "--get", "core.hooksPath"])?.text();
    let elsewhere = set.split_once('\t').filter(|(_, hooks)| {
        let found = fs::canonicalize(repository.path().join(hooks)).ok();
        found.is_none() || found != fs::canonicalize(repository.path().join("hooks")).ok()
    });
    Ok(elsewhere.map(|(scope, hooks)| {
        let fix =
            format!("git -C {} config --{scope} --unset-all core.hooksPath", voice::word(repository.path().display()));
        Finding::new(format!("core.hooksPath is {hooks}: git does not run the hooks of this repository"), fix)
    }))
}

fn hook(repository: &Repository, install: &str) -> Result<Option<Finding>, Failure> {
    let hook = repository.path().join("hooks/post-receive");
    let own = std::env::current_exe().and_then(fs::canonicalize).attempt("find this tool's own path")?;
    let (name, word) = (hook.display(), voice::word(hook.display()));
    let doing = format!("look at {name}");
    let metadata = match hook.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(Finding::new(format!("there is no hook {name}"), install)));
        }
        Err(error) => return Err(Failure::io(doing, &error)),
    };
    if !metadata.is_symlink() {
        // A script of the owner's own may well end with a call of this tool.
        let text = fs::read(&hook).attempt(doing)?;
        let calls_us = text.starts_with(b"#!") && String::from_utf8_lossy(&text).contains("post-receive");
        let runs = metadata.mode() & 0o111 != 0;
        // Whose it is comes first: nobody is told to let a stranger's script run.
        return Ok(match (calls_us, runs) {
            (true, true) => None,
            (true, false) => {
                let what = format!("{name} is not executable: git does not run it");
                Some(Finding::new(what, format!("chmod +x {word}")))
            }
            (false, _) => {
                let what = format!("{name} is a hook of somebody else's");
                Some(Finding::new(what, format!("mv {word} {word}.old; {install}")))
            }
        });
    }
    let target = fs::read_link(&hook).attempt(&doing)?;
    let what = match fs::canonicalize(&hook) {
        Ok(found) if found == own => return Ok(None),
        Ok(found) => format!("{name} is a link to {}, and not to this tool, {}", found.display(), own.display()),
        Err(_) => format!("{name} is a link to {}, which is not there", target.display()),
    };
    // Install leaves alone what bears another name.
    let away = if target.file_name() == own.file_name() { String::new() } else { format!("mv {word} {word}.old; ") };
    Ok(Some(Finding::new(what, away + install)))
}

fn config(repository: &Repository) -> Result<Vec<Finding>, Failure> {
    let git = format!("git -C {} config", voice::word(repository.path().display()));
    let mut findings = Vec::new();
    let options = repository.run(&["config", "--type=bool", "--get", "receive.advertisePushOptions"])?.text();
    if options != "true" {
        let what = "receive.advertisePushOptions is not true: git refuses git push -o wait";
        findings.push(Finding::new(what, format!("{git} receive.advertisePushOptions true")));
    }
    let hidden = repository.run(&["config", "--get-all", "transfer.hideRefs"])?.text();
    // The last entry that fits a ref decides (git-config(1)).
    if hidden.lines().rfind(|line| line.trim_start_matches('!') == PINS) != Some(PINS) {
        let what =
            format!("transfer.hideRefs does not hide {PINS}: a pusher sees and moves what pins deployed commits");
        findings.push(Finding::new(what, format!("{git} --add transfer.hideRefs {PINS}")));
    }
    Ok(findings)
}

fn mapped(maps: &[(String, String)], repository: &Repository, cx: &Context) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    if maps.is_empty() {
        findings.push(Finding::new("no ref is mapped to an environment", install_again(&[], repository)));
    }
    for (reference, _) in maps {
        if !map::is_ref(reference, repository)? {
            let section = voice::word(format!("pushback.{reference}"));
            let fix = format!("git -C {} config --remove-section {section}", voice::word(repository.path().display()));
            findings
                .push(Finding::new(format!("{reference} is mapped, and is no full ref such as refs/heads/main"), fix));
        } else if !repository.run(&["show-ref", "--verify", "--quiet", reference])?.status.is_success() {
            cx.say(&format!("{reference} is mapped and not there yet: the first push makes it"));
        }
    }
    // An environment that several refs go to is looked at once.
    let environments: BTreeSet<&String> = maps.iter().map(|(_, environment)| environment).collect();
    for environment in environments {
        if environment.contains('/') && !environment.starts_with('/') {
            let what = format!("the environment file {environment} is not an absolute path");
            findings.push(Finding::new(what, install_again(&[], repository)));
        } else if let Err(failure) = map::prove(environment, repository) {
            let fix = failure.hint.unwrap_or_else(|| format!("look at {environment}"));
            findings.push(Finding::new(failure.message, fix));
        }
    }
    Ok(findings)
}

/// Tools that are missing, or cannot be started where they lie beside this one.
fn family() -> Vec<Finding> {
    let dir = own_dir().unwrap_or_default();
    let look = |name: &str| match fs::metadata(dir.join(name)) {
        Ok(file) if file.is_file() && file.permissions().mode() & 0o111 == 0 => {
            let path = dir.join(name);
            Some(Finding::new(
                format!("{} is not executable", path.display()),
                format!("chmod +x {}", voice::word(path.display())),
            ))
        }
        _ => {
            let failure = Program::tool(name).err()?;
            Some(Finding::new(failure.message, failure.hint.unwrap_or_default()))
        }
    };
    FAMILY.iter().filter_map(|name| look(name)).collect()
}
