//! The engine of MySQL and MariaDB, against a real MariaDB server.
#![cfg(test)]

mod backup;
