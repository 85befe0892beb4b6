//! What can happen to a backup.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use db::digest::Digest;
use db::packing::{pack, unpack};
use db::{Codec, Deadline, Format, Packing, checksums};
use rustix::fs::{CWD, FileType, mknodat};
use serde_json::{Value, json};

use crate::server::{fill, megabytes};

/// What stands in a [`Mutilation`] for the name of the file that holds the database.
pub(crate) const FILE: &str = "FILE";

/// The sets that a mutilation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// Whatever holds the database.
    Any,
    /// What is beside the database, and alike in all.
    Set,
    /// What holds the database in one file.
    File,
    /// The same, compressed.
    Packed,
    Sqlite,
    Server,
    Text,
    Directory,
}

impl Of {
    /// Whether it is for a set of this form.
    pub(crate) fn has(self, format: Format, codec: Codec) -> bool {
        match self {
            Self::Any | Self::Set => true,
            Self::File => format != Format::Directory,
            Self::Packed => format != Format::Directory && codec != Codec::None,
            Self::Sqlite => format == Format::Sqlite,
            Self::Server => format != Format::Sqlite,
            Self::Text => format == Format::Plain,
            Self::Directory => format == Format::Directory,
        }
    }
}

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

/// Copies a set with all that is in it.
pub(crate) fn copy_set(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_set(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn manifest(set: &Path) -> Value {
    serde_json::from_slice(&fs::read(set.join("manifest.json")).unwrap()).unwrap()
}

/// The file that holds the database; of an archive in a directory the first that holds rows.
pub(crate) fn data(set: &Path) -> PathBuf {
    let path = set.join(manifest(set)["file"].as_str().unwrap());
    if !path.is_dir() {
        return path;
    }
    let mut files: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().find(|path| path.to_string_lossy().ends_with(".dat.gz")).unwrap()
}

fn codec(set: &Path) -> Codec {
    manifest(set)["compression"].as_str().unwrap().parse().unwrap()
}

/// Writes SHA256SUMS anew, as somebody would who wants the damage not to be seen.
fn reseal(set: &Path) {
    let sums = checksums::of_set(set, &deadline()).unwrap();
    fs::write(set.join("SHA256SUMS"), checksums::to_text(&sums)).unwrap();
}

fn edit_manifest(set: &Path, change: impl Fn(&mut Value)) {
    let mut manifest = manifest(set);
    change(&mut manifest);
    fs::write(set.join("manifest.json"), manifest.to_string()).unwrap();
    reseal(set);
}

/// Changes how many rows or tables the manifest tells.
fn edit_tables(set: &Path, change: impl Fn(&mut serde_json::Map<String, Value>)) {
    edit_manifest(set, |manifest| change(manifest["tables"].as_object_mut().unwrap()));
}

/// Puts other content into the set, with everything about its bytes right.
fn repack(set: &Path, content: &[u8]) {
    let (path, packing) = (data(set), Packing { codec: codec(set), ..Packing::default() });
    let to = fs::File::create(&path).unwrap();
    let broken = |error: &std::io::Error| panic!("{error}");
    let packed = pack(&mut &content[..], to, packing, &deadline(), broken, "write").unwrap();
    edit_manifest(set, |manifest| {
        if manifest["raw"].get("sha256").is_some() {
            manifest["raw"]["sha256"] = json!(Digest::of_bytes(content).sha256);
        }
        manifest["raw"]["size"] = json!(content.len());
        manifest["stored"] = serde_json::to_value(&packed.stored).unwrap();
    });
}

/// The content of a set, decompressed.
fn content(set: &Path) -> Vec<u8> {
    let mut content = Vec::new();
    unpack(&data(set), codec(set), &mut content, &deadline()).unwrap();
    content
}

/// Changes the text of a dump, with everything about its bytes right.
fn edit_text(set: &Path, change: impl Fn(&str) -> String) {
    let text = String::from_utf8(content(set)).unwrap();
    let changed = change(&text);
    assert_ne!(changed, text);
    repack(set, changed.as_bytes());
}

/// A text without what begins and ends so.
fn without(text: &str, begin: &str, end: &str) -> String {
    let Some((before, rest)) = text.split_once(begin) else { return text.to_owned() };
    before.to_owned() + rest.split_once(end).unwrap().1
}

/// Tells in the manifest what the files of an archive in a directory are now.
fn retell_directory(set: &Path) {
    let (stored, _) = checksums::of_directory(set, "database.dir", &deadline()).unwrap();
    edit_manifest(set, |manifest| {
        manifest["raw"]["size"] = json!(stored.size);
        manifest["stored"] = serde_json::to_value(&stored).unwrap();
    });
}

pub(crate) type Mutilation = (Of, &'static str, &'static str, fn(&Path, &Path));

/// What is done to the first set (the second is a good one of the same database), and what must be said.
pub(crate) const MUTILATIONS: &[Mutilation] = &[
    (Of::Any, "cut in half", "its hash differs", |set, _| {
        edit(&data(set), |bytes| bytes.truncate(bytes.len() / 2));
    }),
    (Of::Any, "one byte short", "its hash differs", |set, _| {
        edit(&data(set), |bytes| bytes.truncate(bytes.len() - 1));
    }),
    (Of::Any, "one bit flipped", "its hash differs", |set, _| {
        edit(&data(set), |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 4;
        });
    }),
    (Of::Any, "one byte long", "its hash differs", |set, _| {
        append(&data(set), b"x");
    }),
    (Of::Any, "empty", "its hash differs", |set, _| {
        fs::write(data(set), "").unwrap();
    }),
    (Of::Any, "gone", "FILE is missing", |set, _| {
        fs::remove_file(data(set)).unwrap();
    }),
    (Of::Any, "of another set", "its hash differs", |set, other| {
        fs::copy(data(other), data(set)).unwrap();
    }),
    (Of::Any, "a link", "is not a regular file", |set, other| {
        let file = data(set);
        fs::remove_file(&file).unwrap();
        symlink(data(other), file).unwrap();
    }),
    (Of::Any, "a directory", "is not a regular file", |set, _| {
        let file = data(set);
        fs::remove_file(&file).unwrap();
        fs::create_dir(file).unwrap();
    }),
    (Of::Set, "a manifest of another set", "manifest.json is not what it was", |set, other| {
        fs::copy(other.join("manifest.json"), set.join("manifest.json")).unwrap();
    }),
    (Of::Any, "manifest and sums of another set", "its hash differs", |set, other| {
        for name in ["manifest.json", "SHA256SUMS"] {
            fs::copy(other.join(name), set.join(name)).unwrap();
        }
    }),
    (Of::File, "database and sums of another set", "manifest.json is not what it was", |set, other| {
        fs::copy(data(other), data(set)).unwrap();
        fs::copy(other.join("SHA256SUMS"), set.join("SHA256SUMS")).unwrap();
        // Whose roles are another test's, too: one may have come or gone between the two sets.
        if other.join("globals.sql").exists() {
            fs::copy(other.join("globals.sql"), set.join("globals.sql")).unwrap();
        }
    }),
    (Of::Any, "database of another set, resealed", "disagree on database.", |set, other| {
        fs::copy(data(other), data(set)).unwrap();
        reseal(set);
    }),
    (Of::Set, "no manifest", "manifest.json is missing", |set, _| {
        fs::remove_file(set.join("manifest.json")).unwrap();
    }),
    (Of::Set, "no manifest, resealed", "manifest.json is missing", |set, _| {
        fs::remove_file(set.join("manifest.json")).unwrap();
        reseal(set);
    }),
    (Of::Set, "half a manifest", "manifest.json is not JSON", |set, _| {
        edit(&set.join("manifest.json"), |bytes| bytes.truncate(bytes.len() / 2));
    }),
    (Of::Set, "an empty manifest", "manifest.json is not JSON", |set, _| {
        fs::write(set.join("manifest.json"), "").unwrap();
    }),
    (Of::Set, "another version", "is not of version 1", |set, _| {
        edit_manifest(set, |it| it["v"] = json!(2));
    }),
    (Of::Sqlite, "another engine", "says postgres in the format sqlite", |set, _| {
        edit_manifest(set, |it| it["engine"] = json!("postgres"));
    }),
    (Of::File, "another codec", " in such a backup", |set, _| {
        let other = if codec(set) == Codec::Zstd { "gzip" } else { "zstd" };
        edit_manifest(set, |it| it["compression"] = json!(other));
    }),
    (Of::Set, "an unknown engine", "says what is not supported", |set, _| {
        edit_manifest(set, |it| it["engine"] = json!("oracle"));
    }),
    (Of::Set, "an unknown codec", "says what is not supported", |set, _| {
        edit_manifest(set, |it| it["compression"] = json!("lzma"));
    }),
    (Of::Set, "another file", "names the file", |set, _| {
        edit_manifest(set, |it| it["file"] = json!("../other/database.sqlite.gz"));
    }),
    (Of::Set, "no counts", "is not complete", |set, _| {
        edit_manifest(set, |it| it["tables"] = Value::Null);
    }),
    (Of::File, "raw hash wrong", "the hash of the database differs", |set, _| {
        edit_manifest(set, |it| it["raw"]["sha256"] = json!("0".repeat(64)));
    }),
    (Of::File, "raw size wrong", " bytes, not ", |set, _| {
        edit_manifest(set, |it| it["raw"]["size"] = json!(it["raw"]["size"].as_u64().unwrap() + 1));
    }),
    (Of::Any, "stored hash wrong", "disagree on database.", |set, _| {
        edit_manifest(set, |it| it["stored"]["sha256"] = json!("0".repeat(64)));
    }),
    (Of::File, "stored size wrong", "the compressed database has", |set, _| {
        edit_manifest(set, |it| it["stored"]["size"] = json!(1));
    }),
    (Of::Any, "a row too many", "the manifest says 4 rows, the database 3 rows", |set, _| {
        edit_tables(set, |tables| *tables.values_mut().next().unwrap() = json!(4));
    }),
    (Of::Any, "a table too many", "the database no such table", |set, _| {
        edit_tables(set, |tables| drop(tables.insert("more".to_owned(), json!(0))));
    }),
    (Of::Any, "a table too few", "the manifest says no such table", |set, _| {
        edit_tables(set, serde_json::Map::clear);
    }),
    (Of::Set, "no sums", "SHA256SUMS is missing", |set, _| {
        fs::remove_file(set.join("SHA256SUMS")).unwrap();
    }),
    (Of::Set, "empty sums", "does not belong to it", |set, _| {
        fs::write(set.join("SHA256SUMS"), "").unwrap();
    }),
    (Of::Set, "foreign sums", "has a line that was not written so", |set, _| {
        fs::write(set.join("SHA256SUMS"), "hello\n").unwrap();
    }),
    (Of::Set, "a line of sums lost", "manifest.json does not belong to it", |set, _| {
        edit(&set.join("SHA256SUMS"), |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let lines = text.lines().filter(|line| !line.ends_with("manifest.json"));
            *bytes = lines.map(|line| format!("{line}\n")).collect::<Vec<_>>().concat().into();
        });
    }),
    (Of::Set, "a setting changed", "config/deploy.env is not what it was", |set, _| {
        append(&set.join("config/deploy.env"), b"X=1\n");
    }),
    (Of::Set, "a setting lost", "config/deploy.env is missing", |set, _| {
        fs::remove_file(set.join("config/deploy.env")).unwrap();
    }),
    (Of::Set, "all settings lost", "config/deploy.env is missing", |set, _| {
        fs::remove_dir_all(set.join("config")).unwrap();
    }),
    (Of::Set, "all settings a link", "config is not a directory", |set, other| {
        fs::remove_dir_all(set.join("config")).unwrap();
        symlink(other.join("config"), set.join("config")).unwrap();
    }),
    (Of::Set, "all settings a file", "config is not a directory", |set, _| {
        fs::remove_dir_all(set.join("config")).unwrap();
        fs::write(set.join("config"), "").unwrap();
    }),
    (Of::File, "the database under another name", "FILE is missing", |set, _| {
        fs::rename(data(set), set.join("database")).unwrap();
    }),
    (Of::Set, "the manifest a link", "manifest.json is not a regular file", |set, _| {
        fs::rename(set.join("manifest.json"), set.with_extension("json")).unwrap();
        symlink(set.with_extension("json"), set.join("manifest.json")).unwrap();
    }),
    (Of::Set, "a manifest that never ends", "manifest.json is not a regular file", |set, _| {
        fs::remove_file(set.join("manifest.json")).unwrap();
        mknodat(CWD, set.join("manifest.json"), FileType::Fifo, 0o600.into(), 0).unwrap();
    }),
    (Of::Set, "the sums a link", "SHA256SUMS is not a regular file", |set, _| {
        fs::rename(set.join("SHA256SUMS"), set.with_extension("sums")).unwrap();
        symlink(set.with_extension("sums"), set.join("SHA256SUMS")).unwrap();
    }),
    (Of::Set, "a file more", "more.txt does not belong to it", |set, _| {
        fs::write(set.join("more.txt"), "").unwrap();
    }),
    (Of::Set, "a setting more", "config/more.env does not belong to it", |set, _| {
        fs::write(set.join("config/more.env"), "").unwrap();
    }),
    (Of::Packed, "twice", "disagree on database.", |set, other| {
        append(&data(set), &fs::read(data(other)).unwrap());
        reseal(set);
    }),
    (Of::Packed, "not compressed at all", "cannot decompress ", |set, _| {
        fs::write(data(set), "plain text").unwrap();
        let digest = db::digest::Digest::of_file(&data(set), &deadline()).unwrap();
        edit_manifest(set, |it| it["stored"] = serde_json::to_value(&digest).unwrap());
    }),
    (Of::Sqlite, "no database at all", "file is not a database", |set, _| {
        repack(set, "no database ".repeat(100).as_bytes());
    }),
    (Of::Sqlite, "another database", "table", |set, _| {
        let path = set.with_extension("other");
        fill(&path, "CREATE TABLE other(x)");
        repack(set, &fs::read(path).unwrap());
    }),
    (Of::Sqlite, "a malformed database", "is damaged: ", |set, _| {
        let path = set.with_extension("other");
        fill(&path, "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3)");
        fill(&path, &megabytes(1, "x"));
        edit(&path, |bytes| bytes[12288..16384].fill(0x55));
        repack(set, &fs::read(path).unwrap());
    }),
    (Of::Server, "another engine", "says sqlite in the format ", |set, _| {
        edit_manifest(set, |it| it["engine"] = json!("sqlite"));
    }),
    (Of::File, "half of it, everything about its bytes right", "damaged: ", |set, _| {
        let content = content(set);
        repack(set, &content[..content.len() / 2]);
    }),
    (
        Of::Any,
        "of another day, everything about its bytes right",
        "the manifest says 3 rows, the database 4 rows",
        |set, other| {
            let (own, theirs) = (manifest(set), manifest(other));
            let file = own["file"].as_str().unwrap();
            if set.join(file).is_dir() {
                fs::remove_dir_all(set.join(file)).unwrap();
                copy_set(&other.join(file), &set.join(file));
            } else {
                fs::copy(other.join(file), set.join(file)).unwrap();
            }
            edit_manifest(set, |it| {
                for key in ["raw", "stored"] {
                    it[key] = theirs[key].clone();
                }
            });
        },
    ),
    (Of::Text, "its end missing, everything about its bytes right", "is not whole", |set, _| {
        edit_text(set, |text| {
            let is_end = |line: &&str| {
                line.starts_with("-- PostgreSQL database dump complete") || line.starts_with("-- Dump completed")
            };
            text.split_inclusive('\n').filter(|line| !is_end(line)).collect()
        });
    }),
    (
        Of::Text,
        "a row missing, everything about its bytes right",
        "the manifest says 3 rows, the database 2 rows",
        |set, _| {
            edit_text(set, |text| text.replace("\n3\n", "\n").replace(",\n(3)", "").replace(",(3)", ""));
        },
    ),
    (
        Of::Text,
        "a table missing, everything about its bytes right",
        "the manifest says 1 rows, the database no such table",
        |set, _| {
            edit_text(set, |text| {
                let text = without(text, "COPY public.u ", "\\.\n");
                without(&text, "DROP TABLE IF EXISTS `u`;", "UNLOCK TABLES;")
            });
        },
    ),
    (Of::Text, "no dump at all", "is not whole", |set, _| {
        repack(set, b"no dump\n");
    }),
    (Of::Text, "a program in it, everything about its bytes right", "the dump ", |set, _| {
        edit_text(set, |text| format!("\\! touch /nowhere/at/all\n{text}"));
    }),
    (Of::Directory, "the rows of a table gone, everything about its bytes right", "damaged: cannot read ", |set, _| {
        fs::remove_file(data(set)).unwrap();
        retell_directory(set);
    }),
    (Of::Directory, "half of a table, everything about its bytes right", "damaged: cannot read ", |set, _| {
        edit(&data(set), |bytes| bytes.truncate(bytes.len() / 2));
        retell_directory(set);
    }),
    (Of::Directory, "no contents, everything about its bytes right", "damaged: cannot read ", |set, _| {
        fs::write(set.join("database.dir/toc.dat"), "PGDMP").unwrap();
        retell_directory(set);
    }),
];
