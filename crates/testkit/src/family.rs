//! A family of tools of the test's own, for a tool that runs others: some real, some stand-ins.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::run::Run;
use crate::sandbox::Sandbox;
use crate::tools::tool_path;

impl Sandbox {
    /// Puts these real tools, and no others, into a directory of their own.
    pub fn family(&self, tools: &[&str]) {
        fs::create_dir_all(self.path("tools")).expect("a directory can be made");
        for tool in tools {
            // A hard link, so that the tool finds its family beside itself; a copy on another file system.
            let (from, to) = (tool_path(tool), self.path("tools").join(tool));
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to).expect("a tool can be copied");
            }
        }
    }

    /// Puts a shell script in a tool's place in that directory.
    pub fn stand_in(&self, tool: &str, script: &str) {
        // Written into a hard link it would take the place of the real tool, for every other test.
        drop(fs::remove_file(self.path("tools").join(tool)));
        let path: PathBuf = self.write(&format!("tools/{tool}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    }

    /// A run of a tool of that directory, as [`Sandbox::tool`] runs the real ones.
    pub fn own_tool(&self, name: &str) -> Run {
        self.program(&self.path("tools").join(name)).env("PUSHBACK_ENV", self.env_file())
    }
}
