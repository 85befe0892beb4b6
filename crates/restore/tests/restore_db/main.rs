//! restore-db, driven as its users drive it.
#![cfg(test)]

mod choice;
mod consent;
mod damage;
mod databases;
mod exit_codes;
mod extremes;
mod foreign;
mod interruption;
mod mutilation;
mod outages;
mod progress;
mod readers;
mod renaming;
mod round_trip;
mod server;
mod small_disk;
mod undo;
