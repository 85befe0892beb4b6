//! The codecs of a dump: what is packed comes back, what is damaged does not, and nothing hangs or grows.
#![cfg(test)]

mod content;
mod damage;
mod failures;
mod peers;
mod round_trips;
