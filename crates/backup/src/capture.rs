//! A set, from the first byte to the last proof.

use std::fs;
use std::io;
use std::path::Path;

use db::checksums;
use db::manifest::{COMPRESSION, DATABASE_FILE, ENGINE, VERSION};
use db::set::MANIFEST_FILE;
use db::{Deadline, Manifest, Set, Url, gzip, sqlite};
use kit::settings::Settings;
use kit::{Attempt, Failure, clock, files};

use crate::config;

/// The uncompressed copy, for as long as it is needed.
const SNAPSHOT: &str = ".snapshot.sqlite";

/// What the manifest tells beside the database itself.
pub(crate) struct Facts {
    pub(crate) env: Option<String>,
    pub(crate) deploy: Option<String>,
    pub(crate) commit: Option<String>,
    pub(crate) label: Option<String>,
}

/// Builds a whole set in `dir`, flushed to disk, and then proves by reading that it verifies and unpacks.
pub(crate) fn capture(
    dir: &Path,
    url: &Url,
    facts: Facts,
    settings: &Settings,
    deadline: &Deadline,
) -> Result<Manifest, Failure> {
    let created_at = clock::now();
    let snapshot = dir.join(SNAPSHOT);
    sqlite::snapshot(url.require_file()?, &snapshot, deadline)?;
    let tables = sqlite::inspect(&snapshot, deadline)?;
    let packed = gzip::pack(&snapshot, &dir.join(DATABASE_FILE), deadline)?;
    fs::remove_file(&snapshot).attempt(format_args!("remove {}", snapshot.display()))?;
    let manifest = Manifest {
        v: VERSION,
        engine: ENGINE.to_owned(),
        engine_version: sqlite::version().to_owned(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        database: url.identity(),
        created_at,
        env: facts.env,
        deploy: facts.deploy,
        commit: facts.commit,
        label: facts.label,
        compression: COMPRESSION.to_owned(),
        file: DATABASE_FILE.to_owned(),
        raw: packed.raw,
        stored: packed.stored,
        tables,
        config: config::copy(settings, dir)?,
    };
    files::write(&dir.join(MANIFEST_FILE), manifest.to_json().as_bytes())?;
    let sums = checksums::of_set(dir, deadline)?;
    files::write(&dir.join(checksums::FILE), checksums::to_text(&sums).as_bytes())?;
    Set::open(dir, deadline)?.unpack(&mut io::sink(), deadline)?;
    Ok(manifest)
}
