//! The lines of runs, made on every core and given in order.

use std::num::NonZero;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::ViewError;
use super::read_back::ReadBack;
use super::state::{Sources, died};
use crate::domain::views::facts::{Facts, RunId};
use crate::domain::views::run_lines::RunLines;

/// Runs whose lines one thread makes at a time; for fewer no thread is begun.
const BLOCK_RUNS: usize = 1 << 10;
/// Blocks that wait to be written, a thread.
const BLOCKS_MAX: usize = 2;
/// More threads than this wait for the one that writes.
const THREADS_MAX: usize = 8;

/// Lines one after the other, newlines included, and how long each is; an empty one for a run without rows.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) text: String,
    pub(super) lens: Vec<usize>,
}

/// Takes blocks.
type Put<'p> = dyn FnMut(Block) -> Result<(), ViewError> + 'p;

/// One thread that makes lines.
struct Maker<'f> {
    facts: &'f Facts,
    room: RunLines,
    lines: ReadBack<'f>,
    /// How long the block before was: the next one is about as long.
    block_bytes: usize,
}

impl<'f> Maker<'f> {
    fn new(facts: &'f Facts, sources: Sources<'_>) -> Self {
        Self { facts, room: RunLines::default(), lines: sources.read_back(facts), block_bytes: 0 }
    }

    fn make(&mut self, runs: &[RunId]) -> Block {
        let (bytes, lines) = (self.block_bytes + self.block_bytes / 8, runs.len());
        let mut block = Block { text: String::with_capacity(bytes), lens: Vec::with_capacity(lines) };
        for run in runs {
            let from = block.text.len();
            self.room.push(self.facts, *run, &mut self.lines, &mut block.text);
            block.lens.push(block.text.len() - from);
        }
        self.block_bytes = block.text.len();
        block
    }
}

/// Gives the line of each run, in blocks, in the order of the runs.
pub(super) fn each_block(
    facts: &Facts,
    runs: &[RunId],
    sources: Sources<'_>,
    put: &mut Put<'_>,
) -> Result<(), ViewError> {
    if runs.len() <= BLOCK_RUNS {
        let mut maker = Maker::new(facts, sources);
        put(maker.make(runs))?;
        return Ok(maker.lines.check()?);
    }
    let blocks = || runs.chunks(BLOCK_RUNS);
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    thread::scope(|scope| {
        let (senders, receivers): (Vec<Sender<Block>>, Vec<Receiver<Block>>) =
            (0..threads).map(|_| bounded(BLOCKS_MAX)).unzip();
        let makers = senders.into_iter().enumerate().map(|(first, sender)| {
            let work = move || {
                let mut maker = Maker::new(facts, sources);
                for runs in blocks().skip(first).step_by(threads) {
                    if sender.send(maker.make(runs)).is_err() {
                        break;
                    }
                }
                maker.lines.check()
            };
            thread::Builder::new().name("views".to_owned()).spawn_scoped(scope, work)
        });
        let makers: Vec<_> = makers.collect();
        // The threads end when nobody takes their blocks any more.
        let given = blocks()
            .zip(receivers.iter().cycle())
            .try_for_each(|(_, receiver)| put(receiver.recv().map_err(died)?));
        drop(receivers);
        for maker in makers.into_iter().flatten() {
            maker.join().map_err(died)??;
        }
        given
    })
}
