//! Threads that work on blocks, and the line in which the blocks come back: in order, and never many more of them than
//! threads, so memory is bounded.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// So many blocks may be at hand, and one, however few the threads: the others go on while a thread, or who feeds them,
/// waits for a processor.
const AHEAD: usize = 6;

/// They give way to whoever makes what they compress, or waits for what they decompress: a server and its dumper would else
/// stand still for as long as the threads are at the blocks that they have already.
const NICE: i32 = 5;

/// Turns the input of a block into its output, which is empty before.
pub(super) type Work = Box<dyn FnMut(&[u8], &mut Vec<u8>) -> io::Result<()> + Send>;

/// What goes to a thread and comes back. The buffers are used again: fresh ones for every block would cost a page
/// fault per 4 KiB.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
}

type Done = io::Result<Block>;
type Job = (Block, SyncSender<Done>);

/// The threads, started as the work comes in, and the blocks they are at. A single block needs no thread: who waits for it
/// does the work. Dropping it drops the blocks that wait and joins the threads, which takes no longer than one block.
pub(super) struct Crew {
    hire: Box<dyn Fn() -> io::Result<Work> + Send>,
    most: usize,
    threads: Vec<JoinHandle<()>>,
    jobs: Option<Sender<Job>>,
    queue: Arc<Mutex<Receiver<Job>>>,
    /// The first block, until it is known whether it is the only one.
    first: Option<Block>,
    line: VecDeque<Receiver<Done>>,
    spare: Vec<Block>,
}

impl Crew {
    /// At most so many threads, each of which does what `hire` gives it to do.
    pub(super) fn new(threads: usize, hire: impl Fn() -> io::Result<Work> + Send + 'static) -> Self {
        let (jobs, queue) = channel();
        Self {
            hire: Box::new(hire),
            most: threads.max(1),
            threads: Vec::new(),
            jobs: Some(jobs),
            queue: Arc::new(Mutex::new(queue)),
            first: None,
            line: VecDeque::new(),
            spare: Vec::new(),
        }
    }

    /// An empty block.
    pub(super) fn blank(&mut self) -> Block {
        let mut block = self.spare.pop().unwrap_or_default();
        block.input.clear();
        block.output.clear();
        block
    }

    /// Takes back a block that is done with.
    pub(super) fn recycle(&mut self, block: Block) {
        self.spare.push(block);
    }

    /// Whether a block has to come out before another goes in.
    pub(super) fn is_full(&self) -> bool {
        self.line.len() > self.most.max(AHEAD)
    }

    /// Puts a block into the line.
    pub(super) fn submit(&mut self, block: Block) -> io::Result<()> {
        if self.threads.is_empty() && self.first.is_none() {
            self.first = Some(block);
            return Ok(());
        }
        if let Some(first) = self.first.take() {
            self.send(first)?;
        }
        self.send(block)
    }

    fn send(&mut self, block: Block) -> io::Result<()> {
        if self.threads.len() < self.most {
            self.start()?;
        }
        let (reply, done) = sync_channel(1);
        self.line.push_back(done);
        match self.jobs.as_ref().map(|jobs| jobs.send((block, reply))) {
            Some(Ok(())) => Ok(()),
            _ => Err(lost()),
        }
    }

    /// The oldest block, if it is done.
    pub(super) fn ready(&mut self) -> Option<Done> {
        let done = match self.line.front()?.try_recv() {
            Ok(done) => done,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(lost()),
        };
        self.line.pop_front();
        Some(done)
    }

    /// Waits for the oldest block; nothing when the line is empty.
    pub(super) fn wait(&mut self) -> Option<Done> {
        if let Some(mut block) = self.first.take() {
            return Some((self.hire)().and_then(|mut work| work(&block.input, &mut block.output)).map(|()| block));
        }
        Some(self.line.pop_front()?.recv().unwrap_or_else(|_| Err(lost())))
    }

    /// Starts a thread. One that the system refuses is done without when there are others.
    fn start(&mut self) -> io::Result<()> {
        let mut work = (self.hire)()?;
        let queue = Arc::clone(&self.queue);
        let started = Builder::new().name("codec".to_owned()).spawn(move || {
            // Of this thread alone (nice(2), NOTES).
            rustix::process::nice(NICE).ok();
            while let Some((mut block, reply)) = next(&queue) {
                let done = work(&block.input, &mut block.output).map(|()| block);
                // Nobody waits for it when the crew is being dropped.
                reply.send(done).ok();
            }
        });
        match started {
            Ok(thread) => self.threads.push(thread),
            Err(error) if self.threads.is_empty() => return Err(error),
            Err(_) => self.most = self.threads.len(),
        }
        Ok(())
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        drop(self.jobs.take());
        while next(&self.queue).is_some() {}
        for thread in self.threads.drain(..) {
            // A thread that panicked has been reported: its block never came back.
            thread.join().ok();
        }
    }
}

/// Waits for a job; nothing when there will be no more.
fn next(queue: &Mutex<Receiver<Job>>) -> Option<Job> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

fn lost() -> io::Error {
    io::Error::other("a thread of the codec ended before its work was done")
}

#[cfg(test)]
mod tests {
    use super::{Crew, Work};
    use std::io;
    use std::sync::Arc;

    fn crew(threads: usize, work: fn(&[u8], &mut Vec<u8>) -> io::Result<()>) -> Crew {
        Crew::new(threads, move || Ok(Box::new(work) as Work))
    }

    fn submit(crew: &mut Crew, content: &[u8]) {
        let mut block = crew.blank();
        block.input.extend(content);
        crew.submit(block).unwrap();
    }

    #[test]
    fn blocks_come_back_in_order_and_are_bounded() {
        let mut crew = crew(3, |input, output| {
            output.extend(input);
            Ok(())
        });
        let mut count = 0;
        while !crew.is_full() {
            submit(&mut crew, &[count]);
            count += 1;
        }
        assert_eq!(count, 7);
        for number in 0..count {
            assert_eq!(crew.wait().unwrap().unwrap().output, [number]);
        }
        assert!(crew.wait().is_none() && crew.ready().is_none());
    }

    #[test]
    fn a_thread_that_panics_is_an_error_and_no_hang() {
        let mut crew = crew(1, |_, _| panic!("the test wants it"));
        submit(&mut crew, b"1");
        submit(&mut crew, b"2");
        let error = crew.wait().unwrap().unwrap_err();
        assert_eq!(error.to_string(), "a thread of the codec ended before its work was done");
    }

    #[test]
    fn dropping_it_joins_the_threads() {
        let held = Arc::new(());
        let witness = Arc::clone(&held);
        let mut crew = Crew::new(2, move || {
            let witness = Arc::clone(&witness);
            Ok(Box::new(move |_: &[u8], output: &mut Vec<u8>| {
                output.extend(Arc::strong_count(&witness).to_le_bytes());
                Ok(())
            }) as Work)
        });
        for _ in 0..3 {
            submit(&mut crew, b"1");
        }
        drop(crew);
        assert_eq!(Arc::strong_count(&held), 1, "no thread is left that holds its work");
    }

    #[test]
    fn a_system_without_threads_is_an_error() {
        let mut crew = Crew::new(1, || Err(io::Error::other("no memory")));
        let block = crew.blank();
        crew.submit(block).unwrap();
        let block = crew.blank();
        assert_eq!(crew.submit(block).unwrap_err().to_string(), "no memory");
    }

    #[test]
    fn a_single_block_needs_no_thread() {
        let mut crew = crew(3, |input, output| {
            output.extend(input);
            Ok(())
        });
        submit(&mut crew, b"1");
        assert!(crew.ready().is_none());
        assert_eq!(crew.wait().unwrap().unwrap().output, b"1");
        assert!(crew.threads.is_empty() && crew.wait().is_none());
    }
}
