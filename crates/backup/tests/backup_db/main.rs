//! backup-db, driven as its users drive it.
#![cfg(test)]

mod consistency;
mod delivery;
mod dumpers;
mod exit_codes;
mod gate;
mod grades;
mod interruption;
mod listing;
mod past;
mod pins;
mod privacy;
mod progress;
mod prune;
mod prune_after_create;
mod readiness;
mod rules;
mod server;
mod servers;
mod set;
mod verify;
