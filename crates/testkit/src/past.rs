//! A past: releases on disk and deployments in the journal that no pipeline ever made.

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

/// The commit of the deployment with this number, in a past.
pub fn commit_of(number: u64) -> String {
    format!("{number:07x}").repeat(6).chars().take(40).collect()
}

/// The release of the deployment with this number, in a past.
pub fn release_of(number: u64) -> String {
    format!("{number}-{number:07x}")
}

impl Sandbox {
    /// Puts a staged release on disk: a directory with its `REVISION`. Nothing is live.
    pub fn staged(&self, number: u64) {
        let revision = format!("prod/releases/{}/REVISION", release_of(number));
        self.write(&revision, format!("{}\n", commit_of(number)));
    }

    /// A deployment that took its release live and ended with this exit code, or was killed; `current` points at it.
    pub fn deployed(&self, number: u64, exit_code: Option<u8>) {
        self.staged(number);
        let previous = Some(self.live()).filter(|live| !live.is_empty());
        self.history(&story(number, previous, exit_code));
        let current = self.root().join("current");
        drop(std::fs::remove_file(&current));
        std::os::unix::fs::symlink(format!("releases/{}", release_of(number)), current).expect("a link can be made");
    }
}

/// The records of a deployment.
fn story(number: u64, previous: Option<String>, exit_code: Option<u8>) -> Vec<Value> {
    let (deploy, commit, release) = (format!("prod-{number}"), commit_of(number), release_of(number));
    let step = |tool: &str, command: &str, step: &str, success: bool| {
        json!({"tool": tool, "command": command, "success": success, "exit_code": u8::from(!success), "deploy": deploy,
               "step": step, "release": release, "commit": commit})
    };
    let mut records = vec![
        json!({"tool": "deploy-queue", "command": "begin", "deploy": deploy, "commit": commit,
               "details": {"previous": previous, "entry": number, "force": false, "subject": format!("Change {number}"),
                           "author": "Ada", "by": "ada", "door": "push", "ref": "refs/heads/main"}}),
        step("release", "stage", "stage", true),
        json!({"tool": "release", "command": "activate", "phase": "begin", "deploy": deploy, "step": "activate"}),
        step("release", "activate", "activate", true),
        step("smoke-test", "check", "smoke", exit_code == Some(0)),
    ];
    records.extend(exit_code.map(|code| {
        json!({"tool": "deploy-queue", "command": "end", "deploy": deploy, "commit": commit, "release": release,
               "success": code == 0, "exit_code": code, "duration_ms": 1500})
    }));
    records
}
