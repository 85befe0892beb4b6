//! backup-db, driven as its users drive it.
#![cfg(test)]

mod consistency;
mod exit_codes;
mod interruption;
mod listing;
mod past;
mod privacy;
mod prune;
mod prune_after_create;
mod server;
mod set;
mod verify;
