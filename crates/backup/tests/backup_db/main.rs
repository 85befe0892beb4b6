//! backup-db, driven as its users drive it.
#![cfg(test)]

mod consistency;
mod exit_codes;
mod interruption;
mod privacy;
mod server;
mod set;
