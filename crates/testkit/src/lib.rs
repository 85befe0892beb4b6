//! For tests only: [`Sandbox`], a whole server in a temporary directory, and [`Run`], one strict run of a real tool.
//! A helper that cannot do its work panics: that is how a test fails.

mod repository;
mod run;
mod sandbox;
mod tools;

pub use repository::Repository;
pub use run::{Ran, Run};
pub use sandbox::Sandbox;
pub use tools::{tool_path, tools_dir};

use std::time::{Duration, Instant};

/// Waits until `holds` is true, and panics with `what` when that takes more than a minute.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "waited a minute in vain until {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
