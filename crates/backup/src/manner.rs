//! How the database is dumped and stored, and what follows.

use clap::{Args, ValueEnum, value_parser};
use db::{Codec, Engine, Format, Packing, packing};
use kit::{Exit, Failure};

use crate::args::CREATE;

/// The options that say it.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = CREATE)]
pub(crate) struct Wishes {
    /// How the dump is compressed; `gzip -d` and `zstd -d` read it as well
    #[arg(long, value_name = "gzip|zstd|none", env = "BACKUP_COMPRESS", value_parser = codec, default_value = "gzip")]
    compress: Codec,

    /// How hard it is compressed: 1 to 9 for gzip [default: 5], 1 to 19 for zstd [default: 3]
    #[arg(long, value_name = "N", env = "BACKUP_LEVEL")]
    level: Option<i32>,

    /// How many threads compress [default: one for each processor, at most 8]
    #[arg(long, value_name = "N", env = "BACKUP_THREADS", value_parser = value_parser!(u32).range(1..=256))]
    threads: Option<u32>,

    /// What a dump of a server looks like: SQL statements, or for PostgreSQL an archive for pg_restore [default: plain]
    #[arg(long, value_enum, value_name = "plain|custom|directory", env = "BACKUP_FORMAT")]
    format: Option<DumpFormat>,

    /// How many tables are dumped at once; needs --format directory, which compresses by itself
    #[arg(long, value_name = "N", env = "BACKUP_JOBS", default_value_t = 1, value_parser = value_parser!(u32).range(1..=64))]
    jobs: u32,

    /// Only make it: no BACKUP_AFTER_COMMAND afterwards, and no old backup is removed
    #[arg(long)]
    pub(crate) alone: bool,
}

/// The formats that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DumpFormat {
    /// SQL statements
    Plain,
    /// An archive for pg_restore, in one file
    Custom,
    /// An archive for pg_restore, in a directory
    Directory,
}

/// What the wishes come to for one database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) format: Format,
    pub(crate) packing: Packing,
    /// How many tables of a directory are dumped at once.
    pub(crate) jobs: u32,
}

impl Manner {
    /// 78 for a dump that cannot be written to a pipe.
    pub(crate) fn require_stream(self) -> Result<(), Failure> {
        if self.format != Format::Directory {
            return Ok(());
        }
        Err(Failure::new(Exit::SETTINGS, "a dump in a directory cannot be written to stdout")
            .hint("say --format custom, or plain"))
    }
}

impl Wishes {
    /// For a database of this engine: 78 for what there is not.
    pub(crate) fn manner(&self, engine: Engine) -> Result<Manner, Failure> {
        let levels = self.compress.levels();
        if let Some(level) = self.level.filter(|level| !levels.contains(level)) {
            let message = format!("there is no level {level} of {}", self.compress);
            let hint = match self.compress {
                Codec::None => "leave --level away".to_owned(),
                _ => format!("say --level {} to {}", levels.start(), levels.end()),
            };
            return Err(Failure::new(Exit::SETTINGS, message).hint(hint));
        }
        let format = match (engine, self.format) {
            (Engine::Sqlite, None) => Format::Sqlite,
            (Engine::Postgres | Engine::Mysql, None | Some(DumpFormat::Plain)) => Format::Plain,
            (Engine::Postgres, Some(DumpFormat::Custom)) => Format::Custom,
            (Engine::Postgres, Some(DumpFormat::Directory)) => Format::Directory,
            (Engine::Sqlite | Engine::Mysql, Some(_)) => {
                let message = format!("{engine} has one format of dumps only");
                return Err(Failure::new(Exit::SETTINGS, message).hint("leave --format and BACKUP_FORMAT away"));
            }
        };
        if self.jobs > 1 && format != Format::Directory {
            let message = format!("{} jobs at once make a dump in a directory only", self.jobs);
            return Err(Failure::new(Exit::SETTINGS, message).hint("say --format directory, or leave --jobs away"));
        }
        let threads = self.threads.map_or_else(packing::threads, |threads| threads.try_into().unwrap_or(usize::MAX));
        let codec = if format == Format::Directory { Codec::Gzip } else { self.compress };
        Ok(Manner { format, packing: Packing { codec, level: self.level, threads }, jobs: self.jobs })
    }
}

fn codec(text: &str) -> Result<Codec, String> {
    text.parse().map_err(|why| format!("{why} is what is supported"))
}
