//! What can happen to a backup.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use db::digest::Tally;
use db::packing::pack;
use db::{Deadline, Packing, checksums};
use rustix::fs::{CWD, FileType, mknodat};
use serde_json::{Value, json};

use crate::server::{fill, megabytes};

/// The file that holds the database.
pub(crate) const GZ: &str = "database.sqlite.gz";

fn edit(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Adds bytes to the end of a file.
pub(crate) fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(60))
}

/// Writes SHA256SUMS anew, as somebody would who wants the damage not to be seen.
fn reseal(set: &Path) {
    let sums = checksums::of_set(set, &deadline()).unwrap();
    fs::write(set.join("SHA256SUMS"), checksums::to_text(&sums)).unwrap();
}

fn edit_manifest(set: &Path, change: impl Fn(&mut Value)) {
    let path = set.join("manifest.json");
    let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(&path, manifest.to_string()).unwrap();
    reseal(set);
}

/// Puts another database into the set, with everything about its bytes right.
fn repack(set: &Path, database: &Path) {
    let to = fs::File::create(set.join(GZ)).unwrap();
    let mut from = Tally::new(fs::File::open(database).unwrap());
    let broken = |error: &std::io::Error| panic!("{error}");
    let packed = pack(&mut from, to, Packing::default(), &deadline(), broken, "write").unwrap();
    let raw = from.finish().1;
    edit_manifest(set, |manifest| {
        manifest["raw"] = serde_json::to_value(&raw).unwrap();
        manifest["stored"] = serde_json::to_value(&packed.stored).unwrap();
    });
}

pub(crate) type Mutilation = (&'static str, &'static str, fn(&Path, &Path));

/// What is done to the first set (the second is a good one of the same database), and what must be said.
pub(crate) const MUTILATIONS: &[Mutilation] = &[
    ("cut in half", "its hash differs", |set, _| {
        edit(&set.join(GZ), |bytes| bytes.truncate(bytes.len() / 2));
    }),
    ("one byte short", "its hash differs", |set, _| {
        edit(&set.join(GZ), |bytes| bytes.truncate(bytes.len() - 1));
    }),
    ("one bit flipped", "its hash differs", |set, _| {
        edit(&set.join(GZ), |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
        });
    }),
    ("one byte long", "its hash differs", |set, _| {
        append(&set.join(GZ), b"x");
    }),
    ("empty", "its hash differs", |set, _| {
        fs::write(set.join(GZ), "").unwrap();
    }),
    ("gone", "database.sqlite.gz is missing", |set, _| {
        fs::remove_file(set.join(GZ)).unwrap();
    }),
    ("of another set", "its hash differs", |set, other| {
        fs::copy(other.join(GZ), set.join(GZ)).unwrap();
    }),
    ("a link", "is not a regular file", |set, other| {
        fs::remove_file(set.join(GZ)).unwrap();
        symlink(other.join(GZ), set.join(GZ)).unwrap();
    }),
    ("a directory", "is not a regular file", |set, _| {
        fs::remove_file(set.join(GZ)).unwrap();
        fs::create_dir(set.join(GZ)).unwrap();
    }),
    ("a manifest of another set", "manifest.json is not what it was", |set, other| {
        fs::copy(other.join("manifest.json"), set.join("manifest.json")).unwrap();
    }),
    ("manifest and sums of another set", "its hash differs", |set, other| {
        for name in ["manifest.json", "SHA256SUMS"] {
            fs::copy(other.join(name), set.join(name)).unwrap();
        }
    }),
    ("database and sums of another set", "manifest.json is not what it was", |set, other| {
        for name in [GZ, "SHA256SUMS"] {
            fs::copy(other.join(name), set.join(name)).unwrap();
        }
    }),
    ("database of another set, resealed", "disagree on database.sqlite.gz", |set, other| {
        fs::copy(other.join(GZ), set.join(GZ)).unwrap();
        reseal(set);
    }),
    ("no manifest", "manifest.json is missing", |set, _| {
        fs::remove_file(set.join("manifest.json")).unwrap();
    }),
    ("no manifest, resealed", "manifest.json is missing", |set, _| {
        fs::remove_file(set.join("manifest.json")).unwrap();
        reseal(set);
    }),
    ("half a manifest", "manifest.json is not JSON", |set, _| {
        edit(&set.join("manifest.json"), |bytes| bytes.truncate(bytes.len() / 2));
    }),
    ("an empty manifest", "manifest.json is not JSON", |set, _| {
        fs::write(set.join("manifest.json"), "").unwrap();
    }),
    ("another version", "is not of version 1", |set, _| {
        edit_manifest(set, |it| it["v"] = json!(2));
    }),
    ("another engine", "says postgres in the format sqlite", |set, _| {
        edit_manifest(set, |it| it["engine"] = json!("postgres"));
    }),
    ("another codec", "which is database.sqlite.zst in such a backup", |set, _| {
        edit_manifest(set, |it| it["compression"] = json!("zstd"));
    }),
    ("an unknown engine", "says what is not supported", |set, _| {
        edit_manifest(set, |it| it["engine"] = json!("oracle"));
    }),
    ("an unknown codec", "says what is not supported", |set, _| {
        edit_manifest(set, |it| it["compression"] = json!("lzma"));
    }),
    ("another file", "names the file", |set, _| {
        edit_manifest(set, |it| it["file"] = json!("../other/database.sqlite.gz"));
    }),
    ("no counts", "is not complete", |set, _| {
        edit_manifest(set, |it| it["tables"] = Value::Null);
    }),
    ("raw hash wrong", "the hash of the database differs", |set, _| {
        edit_manifest(set, |it| it["raw"]["sha256"] = json!("0".repeat(64)));
    }),
    ("raw size wrong", "the database has 8192 bytes, not 8193", |set, _| {
        edit_manifest(set, |it| it["raw"]["size"] = json!(8193));
    }),
    ("stored hash wrong", "disagree on database.sqlite.gz", |set, _| {
        edit_manifest(set, |it| it["stored"]["sha256"] = json!("0".repeat(64)));
    }),
    ("stored size wrong", "the compressed database has", |set, _| {
        edit_manifest(set, |it| it["stored"]["size"] = json!(1));
    }),
    ("a row too many", "the manifest says 4 rows, the database 3 rows", |set, _| {
        edit_manifest(set, |it| it["tables"]["t"] = json!(4));
    }),
    ("a table too many", "the database no such table", |set, _| {
        edit_manifest(set, |it| it["tables"]["more"] = json!(0));
    }),
    ("a table too few", "the manifest says no such table", |set, _| {
        edit_manifest(set, |it| it["tables"] = json!({}));
    }),
    ("no sums", "SHA256SUMS is missing", |set, _| {
        fs::remove_file(set.join("SHA256SUMS")).unwrap();
    }),
    ("empty sums", "does not belong to it", |set, _| {
        fs::write(set.join("SHA256SUMS"), "").unwrap();
    }),
    ("foreign sums", "has a line that was not written so", |set, _| {
        fs::write(set.join("SHA256SUMS"), "hello\n").unwrap();
    }),
    ("a line of sums lost", "manifest.json does not belong to it", |set, _| {
        edit(&set.join("SHA256SUMS"), |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.lines().take(2).map(|line| format!("{line}\n")).collect::<Vec<_>>().concat().into();
        });
    }),
    ("a setting changed", "config/deploy.env is not what it was", |set, _| {
        append(&set.join("config/deploy.env"), b"X=1\n");
    }),
    ("a setting lost", "config/deploy.env is missing", |set, _| {
        fs::remove_file(set.join("config/deploy.env")).unwrap();
    }),
    ("all settings lost", "config/deploy.env is missing", |set, _| {
        fs::remove_dir_all(set.join("config")).unwrap();
    }),
    ("all settings a link", "config is not a directory", |set, other| {
        fs::remove_dir_all(set.join("config")).unwrap();
        symlink(other.join("config"), set.join("config")).unwrap();
    }),
    ("all settings a file", "config is not a directory", |set, _| {
        fs::remove_dir_all(set.join("config")).unwrap();
        fs::write(set.join("config"), "").unwrap();
    }),
    ("the database under another name", "database.sqlite.gz is missing", |set, _| {
        fs::rename(set.join(GZ), set.join("database.gz")).unwrap();
    }),
    ("the manifest a link", "manifest.json is not a regular file", |set, _| {
        fs::rename(set.join("manifest.json"), set.with_extension("json")).unwrap();
        symlink(set.with_extension("json"), set.join("manifest.json")).unwrap();
    }),
    ("a manifest that never ends", "manifest.json is not a regular file", |set, _| {
        fs::remove_file(set.join("manifest.json")).unwrap();
        mknodat(CWD, set.join("manifest.json"), FileType::Fifo, 0o600.into(), 0).unwrap();
    }),
    ("the sums a link", "SHA256SUMS is not a regular file", |set, _| {
        fs::rename(set.join("SHA256SUMS"), set.with_extension("sums")).unwrap();
        symlink(set.with_extension("sums"), set.join("SHA256SUMS")).unwrap();
    }),
    ("a file more", "more.txt does not belong to it", |set, _| {
        fs::write(set.join("more.txt"), "").unwrap();
    }),
    ("a setting more", "config/more.env does not belong to it", |set, _| {
        fs::write(set.join("config/more.env"), "").unwrap();
    }),
    ("another gzip member", "disagree on database.sqlite.gz", |set, other| {
        append(&set.join(GZ), &fs::read(other.join(GZ)).unwrap());
        reseal(set);
    }),
    ("no gzip at all", "invalid gzip header", |set, _| {
        fs::write(set.join(GZ), "plain text").unwrap();
        let digest = db::digest::Digest::of_file(&set.join(GZ), &deadline()).unwrap();
        edit_manifest(set, |it| it["stored"] = serde_json::to_value(&digest).unwrap());
    }),
    ("no database at all", "file is not a database", |set, _| {
        let path = set.with_extension("other");
        fs::write(&path, "no database ".repeat(100)).unwrap();
        repack(set, &path);
    }),
    ("another database", "table", |set, _| {
        let path = set.with_extension("other");
        fill(&path, "CREATE TABLE other(x)");
        repack(set, &path);
    }),
    ("a malformed database", "is damaged: ", |set, _| {
        let path = set.with_extension("other");
        fill(&path, "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
        fill(&path, &megabytes(1, "x"));
        edit(&path, |bytes| bytes[12288..16384].fill(0x55));
        repack(set, &path);
    }),
];
