//! A connection that was reset has not come to its end. But where a body has no length, ureq takes the one for the other, and what
//! came of a page that was cut off for all of it.

use std::io;

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Stands behind another connector and tells each reset as what it is.
#[derive(Debug)]
pub(super) struct Resets;

/// A connection of that one.
#[derive(Debug)]
pub(super) struct Told<T>(T);

impl<T: Transport> Connector<T> for Resets {
    type Out = Told<T>;

    fn connect(&self, _: &ConnectionDetails<'_>, connected: Option<T>) -> Result<Option<Told<T>>, Error> {
        Ok(connected.map(Told))
    }
}

impl<T: Transport> Transport for Told<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout).map_err(|error| match error {
            Error::Io(error) if is_reset(&error) => Error::Io(io::Error::other("connection reset by peer")),
            error => error,
        })
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted)
}
