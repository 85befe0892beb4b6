//! What other programs wrote: members and frames of any size, decoded as they come, on the caller's thread.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use zstd::stream::raw::{Decoder, Operation};
use zstd::zstd_safe::DParameter;

use super::Codec;
use super::failure::{damaged, early_end};

/// As much as a file by `zstd --long` needs: 128 MiB.
const WINDOW: u32 = 27;

/// How much is read at a time.
const CHUNK: usize = 128 * 1024;

/// A source that remembers whether it has failed: its own error is no verdict on the data.
pub(super) struct Source<R> {
    inner: R,
    failed: bool,
}

impl<R> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, failed: false }
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    self.failed |= result.is_err();
                    return result;
                }
            }
        }
    }
}

/// What was read of it already, and the rest.
type Input<R> = BufReader<Chain<Cursor<Vec<u8>>, Source<R>>>;

/// A streaming decoder.
pub(super) enum Stream<R: Read> {
    Gzip(Box<MultiGzDecoder<Input<R>>>),
    Zstd(Frames<R>),
}

/// zstd frames of any kind, one after the other.
pub(super) struct Frames<R: Read> {
    input: Input<R>,
    decoder: Decoder<'static>,
    /// Whether the input has come to the middle of a frame.
    inside: bool,
}

impl<R: Read> Stream<R> {
    /// Decodes what starts with `start` and goes on with what the source has left.
    pub(super) fn new(codec: Codec, start: Vec<u8>, source: Source<R>) -> io::Result<Self> {
        let input = BufReader::with_capacity(CHUNK, Cursor::new(start).chain(source));
        if codec == Codec::Gzip {
            return Ok(Self::Gzip(Box::new(MultiGzDecoder::new(input))));
        }
        let mut decoder = Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(WINDOW))?;
        Ok(Self::Zstd(Frames { input, decoder, inside: false }))
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(frames) => frames.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer).map_err(|error| {
                if decoder.get_ref().get_ref().get_ref().1.failed {
                    error
                } else if error.kind() == io::ErrorKind::UnexpectedEof {
                    early_end("gzip")
                } else {
                    damaged(format!("the gzip data is damaged: {error}"))
                }
            }),
        }
    }
}

impl<R: Read> Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.input.fill_buf()?;
            let ended = input.is_empty();
            if buffer.is_empty() || ended && !self.inside {
                return Ok(0);
            }
            let step = self.decoder.run_on_buffers(input, buffer).map_err(|error| verdict(&error))?;
            self.input.consume(step.bytes_read);
            if step.bytes_read > 0 || step.bytes_written > 0 {
                self.inside = step.remaining > 0;
            }
            if step.bytes_written > 0 {
                return Ok(step.bytes_written);
            }
            if ended {
                return Err(early_end("zstd"));
            }
        }
    }
}

/// What the decoder says, in a sentence. It knows the reason by its name only.
fn verdict(error: &io::Error) -> io::Error {
    let reason = error.to_string();
    if reason.contains("too much memory") {
        return damaged("the zstd data needs a window of more than 128 MiB");
    }
    damaged(format!("the zstd data is damaged: {}", reason.to_lowercase()))
}
