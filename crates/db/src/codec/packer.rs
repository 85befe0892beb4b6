//! Compression on all cores.

use std::io::{self, Write};

use super::Codec;
use super::crew::{Block, Crew};
use super::failure::Latch;
use super::{frame, member};

/// Compresses what is written to it, on threads of its own, and writes the result to a sink.
///
/// The sink is written to by the thread that calls [`write`](Write::write) or [`finish`](Self::finish), which meets the
/// sink's own error, and meets it again at every later call. A write waits for one block at most. Dropped without
/// having been finished, it joins its threads, and what the sink holds ends in the middle of a member or frame, so
/// no reader takes it for whole ([`Codec::None`] has no such mark). The same input gives the same bytes, however many
/// the threads.
pub struct Packer<W: Write> {
    sink: W,
    press: Option<Press>,
    latch: Latch,
}

/// What compresses.
struct Press {
    crew: Crew,
    size: usize,
    block: Block,
    /// The last byte so far, held back until more follows or all is done.
    held: Option<u8>,
    begun: bool,
}

impl<W: Write> Packer<W> {
    /// A level outside of [`Codec::levels`] is taken for the nearest inside; no thread is taken for one.
    pub fn new(codec: Codec, level: Option<i32>, threads: usize, sink: W) -> Self {
        let levels = codec.levels();
        let level = level.unwrap_or(codec.default_level()).clamp(*levels.start(), *levels.end());
        let press = match codec {
            Codec::Gzip => Some(Press::new(Crew::new(threads, move || member::packer(level)), member::BLOCK)),
            Codec::Zstd => Some(Press::new(Crew::new(threads, move || frame::packer(level)), frame::BLOCK)),
            Codec::None => None,
        };
        Self { sink, press, latch: Latch::default() }
    }

    /// Compresses what is left, writes and flushes it, and gives the sink back. Only after this the data is whole.
    pub fn finish(mut self) -> io::Result<W> {
        self.latch.check()?;
        if let Some(press) = &mut self.press {
            press.finish(&mut self.sink)?;
        }
        self.sink.flush()?;
        Ok(self.sink)
    }
}

impl<W: Write> Write for Packer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.latch.check()?;
        let written = match &mut self.press {
            Some(press) => press.take(bytes, &mut self.sink),
            None => self.sink.write(bytes),
        };
        self.latch.pass(written)
    }

    /// Flushes the sink. It does not end a block: that would cost compression.
    fn flush(&mut self) -> io::Result<()> {
        self.latch.check()?;
        let flushed = self.sink.flush();
        self.latch.pass(flushed)
    }
}

impl Press {
    fn new(crew: Crew, size: usize) -> Self {
        Self { crew, size, block: Block::default(), held: None, begun: false }
    }

    /// Takes as much as the block still holds, and sends a full one off.
    fn take(&mut self, bytes: &[u8], sink: &mut impl Write) -> io::Result<usize> {
        let room = self.size.saturating_sub(self.block.input.len());
        let part = bytes.get(..room).unwrap_or(bytes);
        self.block.input.reserve_exact(room);
        self.block.input.extend(part);
        if part.len() == room {
            self.send(sink)?;
        }
        Ok(part.len())
    }

    fn send(&mut self, sink: &mut impl Write) -> io::Result<()> {
        while let Some(done) = self.crew.ready() {
            self.put(done?, sink)?;
        }
        if self.crew.is_full()
            && let Some(done) = self.crew.wait()
        {
            self.put(done?, sink)?;
        }
        let blank = self.crew.blank();
        self.begun = true;
        self.crew.submit(std::mem::replace(&mut self.block, blank))
    }

    fn put(&mut self, block: Block, sink: &mut impl Write) -> io::Result<()> {
        if let Some((last, rest)) = block.output.split_last() {
            sink.write_all(self.held.as_slice())?;
            sink.write_all(rest)?;
            self.held = Some(*last);
        }
        self.crew.recycle(block);
        Ok(())
    }

    /// No input at all is one empty block.
    fn finish(&mut self, sink: &mut impl Write) -> io::Result<()> {
        if !self.begun || !self.block.input.is_empty() {
            self.send(sink)?;
        }
        while let Some(done) = self.crew.wait() {
            self.put(done?, sink)?;
        }
        sink.write_all(self.held.as_slice())
    }
}
