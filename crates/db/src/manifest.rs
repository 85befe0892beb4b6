//! What a backup set says about itself: `manifest.json`.

use std::collections::BTreeMap;

use kit::clock::{self, Time};
use kit::{Exit, Failure};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::codec::Codec;
use crate::digest::Digest;
use crate::engine::{Engine, Format};

/// The version of the manifest's form. Fields are added without a new version.
pub const VERSION: u32 = 1;

/// Tables and how many rows each has.
pub type Census = BTreeMap<String, u64>;

/// The content of a dump before it was compressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    /// How many bytes.
    pub size: u64,
    /// Their SHA-256, where the whole of it was at hand; that of what is stored says as much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Where a set comes from and what it holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`VERSION`].
    pub v: u32,
    /// The engine whose database this is.
    pub engine: Engine,
    /// The version of the server, or of the library that read it.
    pub engine_version: String,
    /// The version of the client program that read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_version: Option<String>,
    /// The version of the tool that wrote the set.
    pub tool_version: String,
    /// Which database: its path, or its address without user and password.
    pub database: String,
    /// When the snapshot was begun, UTC.
    #[serde(serialize_with = "rfc3339")]
    pub created_at: Time,
    /// When its last byte was written, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "maybe_rfc3339")]
    pub finished_at: Option<Time>,
    /// The environment, `DEPLOY_ENV`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The deployment that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<String>,
    /// The commit that was live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The release that was live, of that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// What a person called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What the dump looks like.
    #[serde(default)]
    pub format: Format,
    /// How it is compressed.
    pub compression: Codec,
    /// The file that holds it.
    pub file: String,
    /// The dump itself.
    pub raw: Raw,
    /// The compressed file.
    pub stored: Digest,
    /// Its tables with their rows.
    pub tables: Census,
    /// The copied settings files, each with the path that it had.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads a manifest that this version understands: 65 for anything else.
    pub fn from_json(text: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: String| Failure::new(Exit::DAMAGED, format!("manifest.json {why}"));
        let manifest: Self = serde_json::from_slice(text).map_err(|error| wrong(why_not(text, &error)))?;
        if manifest.v != VERSION {
            return Err(wrong(another_version()));
        }
        if (manifest.engine == Engine::Sqlite) != (manifest.format == Format::Sqlite) {
            return Err(wrong(format!("says {} in the format {}", manifest.engine, manifest.format)));
        }
        let file = file_name(manifest.format, manifest.compression);
        if manifest.file != file {
            return Err(wrong(format!("names the file {:?}, which is {file} in such a backup", manifest.file)));
        }
        Ok(manifest)
    }

    /// The manifest as its file holds it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Maps with text keys and plain values always have a JSON form.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.values().sum()
    }
}

/// The file that holds a dump, or the directory whose files are compressed by themselves.
#[must_use]
pub fn file_name(format: Format, codec: Codec) -> String {
    let extension = if format == Format::Directory { "" } else { codec.extension() };
    format!("{}{extension}", format.file_name())
}

/// Why a text is no manifest of this version: looked for only now, because a directory may hold ten thousand good ones.
fn why_not(text: &[u8], error: &serde_json::Error) -> String {
    match serde_json::from_slice::<Value>(text) {
        Err(error) => format!("is not JSON: {error}"),
        Ok(value) if value.get("v").and_then(Value::as_u64) != Some(VERSION.into()) => another_version(),
        Ok(_) => format!("is not complete, or says what is not supported: {error}"),
    }
}

fn another_version() -> String {
    format!("is not of version {VERSION}, the only one that is supported")
}

/// Where two countings differ, as a sentence's middle; `None` when they agree.
#[must_use]
pub fn difference(expected: &Census, found: &Census) -> Option<String> {
    let rows = |census: &Census, table: &str| match census.get(table) {
        Some(rows) => format!("{rows} rows"),
        None => "no such table".to_owned(),
    };
    let table = expected.keys().chain(found.keys()).find(|table| expected.get(*table) != found.get(*table))?;
    Some(format!("table {table:?}: the manifest says {}, the database {}", rows(expected, table), rows(found, table)))
}

fn rfc3339<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&clock::rfc3339(*time))
}

#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn maybe_rfc3339<S: Serializer>(time: &Option<Time>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_some(&time.map(clock::rfc3339))
}

#[cfg(test)]
mod tests {
    use super::{Census, Manifest, difference};
    use serde_json::{Value, json};

    fn example() -> Value {
        json!({
            "v": 1, "engine": "sqlite", "engine_version": "3.50.0", "tool_version": "0.1.0",
            "database": "/srv/db.sqlite", "created_at": "2026-11-21T10:15:00.123Z", "compression": "gzip",
            "file": "database.sqlite.gz", "raw": {"size": 1, "sha256": "a"}, "stored": {"size": 2, "sha256": "b"},
            "tables": {"users": 3, "posts": 4}, "from_the_future": true
        })
    }

    #[test]
    fn a_manifest_survives_writing_and_reading() {
        let manifest = Manifest::from_json(example().to_string().as_bytes()).unwrap();
        let back = Manifest::from_json(manifest.to_json().as_bytes()).unwrap();
        assert_eq!(back.to_json(), manifest.to_json());
        assert_eq!(back.rows(), 7);
        assert!(back.to_json().contains("\"created_at\": \"2026-11-21T10:15:00.123Z\""));
    }

    #[test]
    fn what_this_version_does_not_know_is_damaged() {
        for (key, value) in [
            ("v", json!(2)),
            ("v", json!("1")),
            ("engine", json!("postgres")),
            ("engine", json!("oracle")),
            ("format", json!("plain")),
            ("compression", json!("zstd")),
            ("compression", json!("lzma")),
            ("file", json!("../../etc/passwd")),
            ("tables", json!(null)),
            ("created_at", json!("yesterday")),
        ] {
            let mut manifest = example();
            manifest[key] = value;
            let failure = Manifest::from_json(manifest.to_string().as_bytes()).unwrap_err();
            assert_eq!(failure.exit.code(), 65, "{key}");
        }
        assert_eq!(Manifest::from_json(b"{").unwrap_err().exit.code(), 65);
    }

    #[test]
    fn the_first_difference_is_named() {
        let census = |pairs: &[(&str, u64)]| -> Census {
            pairs.iter().map(|(table, rows)| ((*table).to_owned(), *rows)).collect()
        };
        let one = census(&[("a", 1), ("b", 2)]);
        assert_eq!(difference(&one, &one), None);
        let said = difference(&one, &census(&[("a", 1), ("b", 3)])).unwrap();
        assert_eq!(said, "table \"b\": the manifest says 2 rows, the database 3 rows");
        let said = difference(&census(&[("a", 1)]), &one).unwrap();
        assert_eq!(said, "table \"b\": the manifest says no such table, the database 2 rows");
    }
}
