//! deploy-status, driven as its users drive it.
#![cfg(test)]

mod answers;
mod exits;
mod foreign;
mod parts;
mod stand_in;
