//! Crash sweeps: each tool that changes something is killed at each of its system calls, and meets an error at each.
#![cfg(test)]

mod backup;
mod journal;
mod privacy;
mod restore;
mod served;
mod server_backup;
mod server_outage;
mod server_restore;
mod shop;
mod switch;
