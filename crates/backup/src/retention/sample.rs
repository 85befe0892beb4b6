//! Sets as a directory may hold them, for the tests of what becomes of them.

use std::path::Path;

use db::digest::Digest;
use db::entry::moment;
use db::grade::Mark;
use db::manifest::{Census, Raw, VERSION};
use db::{Codec, Engine, Entry, Format, Manifest};

use super::{Policy, Rules};
use crate::owner::Owner;

pub(crate) fn owner() -> Owner {
    Owner { database: "/srv/app.sqlite".into(), env: Some("prod".to_owned()) }
}

/// That owner's policy, with nothing pinned.
pub(crate) fn policy(rules: Rules) -> Policy {
    Policy { owner: owner(), rules, pins: Vec::new() }
}

/// A good set with this name, made when its name says.
pub(crate) fn entry(name: &str, owner: &Owner) -> Entry {
    let manifest = Manifest {
        v: VERSION,
        engine: Engine::Sqlite,
        client_version: None,
        finished_at: None,
        format: Format::Sqlite,
        engine_version: String::new(),
        tool_version: String::new(),
        database: owner.database.clone(),
        created_at: moment(name).unwrap().0,
        env: owner.env.clone(),
        deploy: None,
        commit: None,
        release: None,
        label: None,
        compression: Codec::Gzip,
        file: "database.sqlite.gz".to_owned(),
        raw: Raw { size: 0, sha256: None },
        stored: Digest { size: 0, sha256: String::new() },
        tables: Census::new(),
        config: std::collections::BTreeMap::new(),
    };
    let path = Path::new("/srv/backups").join(name);
    Entry { name: name.to_owned(), path, is_ours: true, manifest: Some(manifest), damaged: None, mark: Mark::default() }
}
