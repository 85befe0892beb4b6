//! Decompression on all cores.

use std::io::{self, Read};

use super::Codec;
use super::crew::{Block, Crew};
use super::failure::{Latch, early_end};
use super::stream::{Source, Stream};
use super::{frame, member};

/// What the reader of a format has found.
#[derive(Debug)]
pub(super) enum Next {
    /// A block that a thread can decode on its own.
    Block,
    /// Something else: what was read of it, and all that follows, is for the streaming decoder.
    Foreign,
    /// Nothing more.
    End,
}

/// Decompresses what it reads from a source: on threads of its own what a [`Packer`](super::Packer) wrote, and by
/// streaming what others did.
///
/// The source is read by the thread that calls [`read`](Read::read), which meets the source's own error. An interrupted
/// read of the source is tried again. Bytes that are damaged, missing or too many are `InvalidData` or `UnexpectedEof`
/// with a sentence; 0 bytes at the end mean that everything was decoded and its check sums were right. After a failure
/// every later call meets it again. Memory does not depend on what the data claims: blocks that claim to be large are
/// refused or decoded by streaming, with a window of at most 128 MiB.
pub struct Unpacker<R: Read> {
    state: State<R>,
    latch: Latch,
}

enum State<R: Read> {
    Plain(R),
    Blocks(Blocks<R>),
    Stream(Stream<R>),
    Over,
}

impl<R: Read> Unpacker<R> {
    /// No thread is taken for one.
    pub fn new(codec: Codec, threads: usize, source: R) -> Self {
        let state = match codec {
            Codec::None => State::Plain(source),
            Codec::Gzip => State::Blocks(Blocks::new(codec, Crew::new(threads, || Ok(member::unpacker())), source)),
            Codec::Zstd => State::Blocks(Blocks::new(codec, Crew::new(threads, frame::unpacker), source)),
        };
        Self { state, latch: Latch::default() }
    }

    fn step(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Plain(source) => return source.read(buffer),
            State::Stream(stream) => return stream.read(buffer),
            State::Over => return Ok(0),
            State::Blocks(blocks) => {
                let length = blocks.read(buffer)?;
                if length > 0 || buffer.is_empty() {
                    return Ok(length);
                }
            }
        }
        if let State::Blocks(blocks) = std::mem::replace(&mut self.state, State::Over) {
            self.state = blocks.end()?;
        }
        self.step(buffer)
    }
}

impl<R: Read> Read for Unpacker<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.latch.check()?;
        let length = self.step(buffer);
        self.latch.pass(length)
    }
}

/// A source of blocks, as long as they are ours.
struct Blocks<R: Read> {
    codec: Codec,
    crew: Crew,
    source: Source<R>,
    /// What is being handed out, and how far that has come.
    block: Block,
    given: usize,
    begun: bool,
    /// What follows the last block: nothing, or what was read of something else.
    rest: Option<Vec<u8>>,
}

impl<R: Read> Blocks<R> {
    fn new(codec: Codec, crew: Crew, source: R) -> Self {
        let source = Source::new(source);
        Self { codec, crew, source, block: Block::default(), given: 0, begun: false, rest: None }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.block.output.get(self.given..).unwrap_or_default();
            let length = left.len().min(buffer.len());
            if let (Some(to), Some(from)) = (buffer.get_mut(..length), left.get(..length)) {
                to.copy_from_slice(from);
            }
            self.given += length;
            if length > 0 || buffer.is_empty() || !self.refill()? {
                return Ok(length);
            }
        }
    }

    /// Gets the next block: one that is done before one that must be read, so that a slow source delays nothing.
    fn refill(&mut self) -> io::Result<bool> {
        let done = loop {
            if let Some(done) = self.crew.ready() {
                break done;
            }
            if self.rest.is_none() && !self.crew.is_full() {
                self.feed()?;
                continue;
            }
            match self.crew.wait() {
                Some(done) => break done,
                None => return Ok(false),
            }
        };
        let spent = std::mem::replace(&mut self.block, done?);
        self.given = 0;
        self.crew.recycle(spent);
        Ok(true)
    }

    fn feed(&mut self) -> io::Result<()> {
        let mut block = self.crew.blank();
        let next = match self.codec {
            Codec::Gzip => member::read(&mut self.source, &mut block.input)?,
            Codec::Zstd | Codec::None => frame::read(&mut self.source, &mut block.input)?,
        };
        match next {
            Next::Block => {
                self.begun = true;
                self.crew.submit(block)?;
            }
            Next::End if !self.begun => return Err(early_end(&self.codec.to_string())),
            Next::Foreign | Next::End => self.rest = Some(block.input),
        }
        Ok(())
    }

    /// What comes after the last block.
    fn end(self) -> io::Result<State<R>> {
        match self.rest {
            Some(rest) if !rest.is_empty() => Stream::new(self.codec, rest, self.source).map(State::Stream),
            _ => Ok(State::Over),
        }
    }
}

/// Reads up to so many bytes; fewer only where the source ends.
pub(super) fn append(source: &mut impl Read, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
    into.reserve(length);
    source.take(length as u64).read_to_end(into).map(|_| ())
}
